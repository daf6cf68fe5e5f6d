import { invalidInput } from '../../core/errors.ts';
import type { ArgSpec, OptionalText } from '../command.ts';

export const RUN_OUTPUT = 'gait.run.output';

/** A run is named by the first argument or by --from. */
export const runArgs: readonly ArgSpec[] = [
  { name: 'RUN', summary: 'the run: its id or file', required: false },
];

export const fromFlag: OptionalText = {
  type: 'string',
  value: 'RUN',
  summary: 'Run, instead of the argument: its id, or the path of a runpack or run pack.',
};

/** What names a run on a command line. */
export function runNamed(input: {
  readonly flags: { readonly from: string | undefined };
  readonly args: readonly string[];
}): string {
  const [argument] = input.args;
  const { from } = input.flags;
  if (argument !== undefined && from !== undefined) {
    throw invalidInput('argument_unexpected', 'the run is given twice, as an argument and by --from');
  }
  const given = argument ?? from;
  if (given !== undefined && given !== '') return given;
  throw invalidInput('argument_missing', 'no run is given', 'Name it: an id such as run_1, or a file.');
}
