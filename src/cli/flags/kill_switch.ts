import { invalidInput } from '../../core/errors.ts';
import { killSwitchPath } from '../../gate/kill_switch/file.ts';
import { actorOf } from '../../host/workspace/actor.ts';
import { gateDir } from '../../host/workspace/output_places.ts';
import type { OptionalText } from '../command.ts';
import type { Io } from '../io.ts';

export const KILL_SWITCH_OUTPUT = 'gait.kill-switch.output';

export const stateFlags: { readonly state: OptionalText; readonly 'state-dir': OptionalText } = {
  state: {
    type: 'string',
    value: 'FILE',
    summary: 'File of the kill switches. By default kill_switch.json in the directory of the gate.',
  },
  'state-dir': {
    type: 'string',
    value: 'DIR',
    summary:
      'Directory of the gate, as for `gait gate eval`. By default GAIT_GATE_STATE, else that of the ' +
      'workspace.',
  },
};

interface StateValues {
  readonly state: string | undefined;
  readonly 'state-dir': string | undefined;
}

/** The file of the flag, else that of the gate. */
export function statePath({ state, 'state-dir': dir }: StateValues, io: Io): string {
  if (state !== undefined && dir !== undefined)
    throw invalidInput('flags_conflict', '--state and --state-dir name two places', 'Give one of them.');
  if (state === '') throw invalidInput('flag_value_invalid', '--state is empty', 'Give a file.');
  return state ?? killSwitchPath(gateDir(dir, io.env));
}

/** Who gives the command. Throws `actor_invalid` for nobody. */
export function switchActor(flag: string | undefined, io: Io): string {
  const actor = actorOf(flag, io.env);
  if (actor.trim() !== '') return actor;
  throw invalidInput('actor_invalid', 'the actor is empty', 'Name who gives the command with --actor.');
}
