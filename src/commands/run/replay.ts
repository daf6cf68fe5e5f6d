import { join } from 'node:path';
import { type CommandSpec, command } from '../../cli/command.ts';
import { fromFlag, RUN_OUTPUT, runArgs, runNamed } from '../../cli/flags/run.ts';
import type { Io } from '../../cli/io.ts';
import { shellWord } from '../../cli/run.ts';
import type { Color } from '../../cli/terminal.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson, table } from '../../cli/text/job.ts';
import { sha256Hex } from '../../core/digest.ts';
import { GaitError, invalidInput } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { VERSION } from '../../core/version.ts';
import { onInterrupt } from '../../host/process/interrupts.ts';
import {
  allowListOf,
  checkInterlocks,
  execute,
  REAL_REPLAY_VARIABLE,
  toolEnvironment,
  type Workplace,
  workingDirectory,
} from '../../host/replay_tools.ts';
import { type LoadedRun, loadRun } from '../../host/run_files.ts';
import { actorOf } from '../../host/workspace/actor.ts';
import { refuseKeptPlace, refuseReportPlace, writeReport } from '../../host/workspace/output_places.ts';
import { outDir } from '../../host/workspace/workspace.ts';
import { checkActor } from '../../job/checks.ts';
import {
  answered,
  type Execution,
  outcomeOf,
  type PlannedStep,
  planReplay,
  type ReplayRecord,
  type ReplayStep,
  replayFailure,
  replayRecord,
} from '../../run/replay.ts';

const DEFAULT_TIMEOUT_S = 5;
const MAX_TIMEOUT_S = 86_400;
const DEFAULT_OUTPUT_BYTES = 65_536;

const spec: CommandSpec = command({
  output: { schemaId: RUN_OUTPUT, operation: 'replay' },
  summary: 'Replay a run: from its record, or by really executing tools that are allowed.',
  description:
    'By default nothing is executed: recorded results are given again, and stubs stand in for the tools that have ' +
    'none. With --real-tools, --unsafe-real-tools, --allow-tools and GAIT_ALLOW_REAL_REPLAY=1, all four, the allowed ' +
    'tools run again in a working directory; without one of them the command exits 8. What came of each step is kept ' +
    'in a record (docs/guides/replay.md). Exit 2 when a step failed or has no result.',
  examples: [
    { says: 'From the record', line: 'run replay run_1' },
    {
      says: 'Run again what it ran in a shell, in a directory of your own',
      line: 'run replay run_1 --real-tools --unsafe-real-tools --allow-tools shell.exec --workdir ./scratch',
    },
  ],
  args: runArgs,
  flags: {
    from: fromFlag,
    'real-tools': { type: 'boolean', summary: 'Execute tools. Requires all of the other interlocks.' },
    'unsafe-real-tools': {
      type: 'boolean',
      summary: 'Confirm that tools will really run and may have side effects.',
    },
    'allow-tools': {
      type: 'strings',
      value: 'LIST',
      summary: 'Tools that may be executed, comma-separated. All others are answered from the record.',
    },
    'unsafe-real-tools-env': {
      type: 'string',
      value: 'NAME',
      summary: `Environment variable that must be 1, in addition to ${REAL_REPLAY_VARIABLE}.`,
    },
    workdir: {
      type: 'string',
      value: 'DIR',
      summary:
        'Working directory of the tools, created if necessary. By default a new directory below ' +
        './gait-out/replays.',
    },
    timeout: {
      type: 'count',
      value: 'SECONDS',
      summary: `Time limit of a step. By default ${DEFAULT_TIMEOUT_S}.`,
    },
    'max-output': {
      type: 'count',
      value: 'BYTES',
      summary: `Output of a step that is digested. By default ${DEFAULT_OUTPUT_BYTES}.`,
    },
    'pass-env': {
      type: 'strings',
      value: 'NAME',
      summary: 'Pass this environment variable to tools, in addition to PATH, HOME, LANG and TZ.',
    },
    record: {
      type: 'string',
      value: 'FILE',
      summary:
        'File to write the record of the replay to. By default ./gait-out/replays/replay_<run id>.json; with ' +
        '--real-tools, replay_<run id>_real.json.',
    },
    actor: {
      type: 'string',
      value: 'NAME',
      env: 'GAIT_ACTOR',
      summary: 'Name of whoever replays, for the record. By default the user of the operating system.',
    },
  },
  async run(input, io) {
    const { flags } = input;
    const real = flags['real-tools'] ? realMode(flags, io) : undefined;
    const actor = actorOf(flags.actor, io.env);
    const fault = checkActor(actor);
    if (fault !== undefined) throw fault;
    const run = await loadRun(runNamed(input), io.env);
    const places = placesOf(run, real !== undefined, io);
    const recordPath = flags.record ?? places.record;
    assertRecordPlace(recordPath, io);
    const { steps, workdir } = await play(planReplay(run, real?.allow), real, places.workdir);
    const outcome = outcomeOf(steps);
    const record = replayRecord(run.manifest, outcome, {
      created_at: io.clock.now(),
      producer_version: VERSION,
      mode: real === undefined ? 'stub' : 'real',
      allow_tools: real?.allow ?? [],
      actor,
    });
    const kept = await keep(record, recordPath, io);
    const warnings = real === undefined ? [] : [`allow_tools=${real.allow.join(',')}`];
    for (const warning of warnings) io.note(`warning: ${warning}`);
    const failure = kept.failure ?? replayFailure(outcome);
    return {
      fields: {
        ...{ path: run.path, run_id: record.run_id, mode: record.mode, warnings, ...asJson(outcome) },
        requested_unsafe: flags['unsafe-real-tools'],
        ...(workdir === undefined ? {} : { workdir }),
        ...kept.fields,
      },
      lines: [
        `${printable(record.run_id)}: replayed ${real === undefined ? 'from the record' : 'with real tools'}`,
        ...stepLines(steps, io),
        ...(workdir === undefined ? [] : [`  worked in  ${shellWord(workdir)}`]),
        ...kept.lines,
      ],
      ...(failure === undefined ? {} : { failure }),
    };
  },
});

/** How tools are executed, once they may be. */
interface RealMode extends Omit<Workplace, 'dir' | 'interrupted'> {
  readonly allow: readonly string[];
  readonly workdir: string | undefined;
}

function realMode(
  flags: {
    readonly 'unsafe-real-tools': boolean;
    readonly 'unsafe-real-tools-env': string | undefined;
    readonly 'allow-tools': readonly string[];
    readonly workdir: string | undefined;
    readonly timeout: number | undefined;
    readonly 'max-output': number | undefined;
    readonly 'pass-env': readonly string[];
  },
  io: Io,
): RealMode {
  const allow = allowListOf(flags['allow-tools']);
  const named = [REAL_REPLAY_VARIABLE, flags['unsafe-real-tools-env'] ?? REAL_REPLAY_VARIABLE];
  const variables = Object.fromEntries(named.map((name) => [name, io.env[name]]));
  checkInterlocks({ unsafeFlag: flags['unsafe-real-tools'], allow, variables });
  const { workdir, timeout = DEFAULT_TIMEOUT_S, 'max-output': maxOutput = DEFAULT_OUTPUT_BYTES } = flags;
  if (timeout < 1 || timeout > MAX_TIMEOUT_S) {
    const hint = `Give 1 to ${MAX_TIMEOUT_S} seconds.`;
    throw invalidInput('flag_value_invalid', `--timeout cannot be ${timeout}`, hint);
  }
  if (workdir === '') throw invalidInput('flag_value_invalid', '--workdir is empty', 'Give a directory.');
  if (workdir !== undefined) refuseKeptPlace(workdir, io.env);
  const env = toolEnvironment(io.env, flags['pass-env']);
  const protect = (path: string): void => refuseKeptPlace(path, io.env);
  return { allow, workdir, env, timeoutMs: timeout * 1000, maxOutput, protect };
}

/** Where a replay goes unless told otherwise. An id that is no name of a file is left out. */
function placesOf(
  { manifest }: LoadedRun,
  real: boolean,
  io: Io,
): { readonly record: string; readonly workdir: string } {
  const digest = manifest.manifest_digest.toLowerCase().slice(0, 12);
  const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(manifest.run_id) ? manifest.run_id : undefined;
  const replays = join(outDir(io.env), 'replays');
  return {
    // A replay from the record does not replace what was really executed.
    record: join(replays, `replay_${name ?? digest}${real ? '_real' : ''}.json`),
    workdir: join(replays, name === undefined ? digest : `${name}-${digest}`, 'work'),
  };
}

/** Makes the calls of a plan, one after the other, and puts their answers into it. */
async function play(
  plan: readonly PlannedStep[],
  real: RealMode | undefined,
  freshDir: string,
): Promise<{ readonly steps: readonly ReplayStep[]; readonly workdir?: string }> {
  const settled = plan.flatMap((planned) => ('step' in planned ? [planned.step] : []));
  if (real === undefined || settled.length === plan.length) return { steps: settled };
  const dir = workingDirectory(real.workdir, freshDir);
  const interrupt = onInterrupt();
  const place: Workplace = { ...real, dir, interrupted: interrupt.signal };
  const steps: ReplayStep[] = [];
  try {
    for (const planned of plan) {
      steps.push('step' in planned ? planned.step : answered(planned, await execute(planned.call, place)));
    }
  } finally {
    interrupt.release();
  }
  return { steps, workdir: dir };
}

/** Refuses a place for the record before anything runs that could then not be recorded there. */
function assertRecordPlace(path: string, io: Io): void {
  if (path === '') throw invalidInput('flag_value_invalid', '--record is empty', 'Name a file.');
  refuseReportPlace(path, { schema_id: 'gait.run.replay' }, io.env);
}

/** Writes the record. What was replayed is answered even if it could not be written. */
async function keep(
  record: ReplayRecord,
  path: string,
  io: Io,
): Promise<{ readonly fields: JsonObject; readonly lines: readonly string[]; readonly failure?: GaitError }> {
  try {
    const sha256 = sha256Hex(await writeReport(path, asJson(record), io.env));
    const lines = [`  record     ${shellWord(path)}, sha256 ${sha256}`];
    return { fields: { replay_path: path, replay_sha256: sha256 }, lines };
  } catch (failure) {
    if (!(failure instanceof GaitError)) throw failure;
    return { fields: {}, lines: [], failure };
  }
}

const COLORS: Readonly<Record<Execution, Color>> = {
  executed: 'green',
  recorded: 'cyan',
  stubbed: 'dim',
  missing: 'red',
  unsupported: 'red',
};
const WIDTH = 'unsupported'.length;

function stepLines(steps: readonly ReplayStep[], io: Io): string[] {
  const rows = table(
    steps.map(({ execution, intent_id, tool_name, status, stub_type, error }) => {
      const why = error === undefined ? '' : `: ${printable(error)}`;
      const what = stub_type === undefined ? printable(status) : `by a stub for ${stub_type}`;
      return [execution.padEnd(WIDTH), printable(intent_id), printable(tool_name), `${what}${why}`];
    }),
  );
  return rows.map((row, index) => {
    const { execution, error } = steps[index] ?? { execution: 'missing' };
    const color = error === undefined ? COLORS[execution] : 'red';
    return `  ${io.paint(color, row.slice(0, WIDTH))}${row.slice(WIDTH)}`;
  });
}

export default spec;
