import { type CommandSpec, command, type Reply } from '../../cli/command.ts';
import { fromFlag, RUN_OUTPUT, runArgs, runNamed } from '../../cli/flags/run.ts';
import type { Io } from '../../cli/io.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson, count } from '../../cli/text/job.ts';
import { loadCheckpoint, loadRun, runPath } from '../../host/run_files.ts';
import { soundChain } from '../../host/sessions/chain_files.ts';
import { inspectRun, type RunEntry, type RunInspection } from '../../run/inspect.ts';
import type { SessionChain } from '../../run/session/chain.ts';

const spec: CommandSpec = command({
  output: { schemaId: RUN_OUTPUT, operation: 'inspect' },
  summary: 'Show what a run asked its tools to do, and the results.',
  description:
    'Takes a runpack, a run pack or a session chain. What is shown is verified first; what does not verify is not ' +
    'shown (exit 2).',
  examples: [
    { says: 'Show a run', line: 'run inspect run_1' },
    { says: 'Show a session', line: 'run inspect --from ./night_chain.json' },
  ],
  args: runArgs,
  flags: { from: fromFlag },
  async run(input, io) {
    const from = runNamed(input);
    const path = runPath(from, io.env);
    return /\.json$/i.test(path) ? showChain(path, soundChain(path), io) : showRun(from, io);
  },
});

async function showRun(from: string, io: Io): Promise<Reply> {
  const loaded = await loadRun(from, io.env);
  const inspection = inspectRun(loaded);
  const { path, captureMode, intents, results, run } = loaded;
  for (const warning of inspection.warnings) io.note(`warning: ${warning}`);
  return {
    fields: {
      ...{ artifact_type: 'runpack', path, run_id: run.run_id, capture_mode: captureMode },
      ...{ intents_total: intents.length, results_total: results.length, ...asJson(inspection) },
    },
    lines: [
      `${io.paint('bold', printable(run.run_id))}  ${captureMode} capture, ${count(intents.length, 'intent')}, ${count(results.length, 'result')}`,
      ...entryLines(inspection, io),
    ],
  };
}

async function showChain(path: string, chain: SessionChain, io: Io): Promise<Reply> {
  const { session_id, run_id, checkpoints } = chain;
  const entries: RunEntry[] = [];
  const lines: string[] = [];
  for (const checkpoint of checkpoints) {
    const loaded = await loadCheckpoint(path, checkpoint);
    const inspection = inspectRun(loaded);
    const { checkpoint_index, sequence_start, sequence_end, runpack_path } = checkpoint;
    lines.push(
      `  checkpoint ${checkpoint_index}, events ${sequence_start} to ${sequence_end}, ${printable(runpack_path)}`,
    );
    lines.push(...entryLines(inspection, io));
    entries.push(...inspection.entries.map((entry, i) => ({ ...entry, index: entries.length + i + 1 })));
  }
  const refs = checkpoints.map((checkpoint) => {
    const { checkpoint_index, checkpoint_digest, prev_checkpoint_digest: prev, ...rest } = checkpoint;
    const { runpack_path, sequence_start, sequence_end } = rest;
    const linked = prev === undefined ? {} : { prev_checkpoint_digest: prev };
    return { checkpoint_index, checkpoint_digest, ...linked, runpack_path, sequence_start, sequence_end };
  });
  return {
    fields: {
      ...{ artifact_type: 'session_chain', path, session_id, run_id, checkpoint_count: checkpoints.length },
      ...{
        checkpoints: refs,
        entries: entries.map(asJson),
      },
    },
    lines: [
      `${io.paint('bold', printable(session_id))}  run ${printable(run_id)}, ${count(checkpoints.length, 'checkpoint')}`,
      ...lines,
    ],
  };
}

function entryLines({ entries, unmatched_results }: RunInspection, io: Io): string[] {
  return [
    ...entries.map((entry) => {
      const { index, intent_id, tool_name, status = 'no result', verdict, reason_codes = [] } = entry;
      const color = status === 'ok' ? 'green' : 'yellow';
      const why = [verdict ?? '', ...reason_codes].filter((part) => part !== '').join(' ');
      const end = why === '' ? '' : `  ${printable(why)}`;
      return `  ${String(index).padStart(4)}  ${io.paint(color, printable(status).padEnd(10))} ${printable(tool_name)}  ${printable(intent_id)}${end}`;
    }),
    ...unmatched_results.map(({ intent_id, status }) => {
      return `        ${io.paint('yellow', printable(status).padEnd(10))} a result of ${printable(intent_id)}, which was not asked for`;
    }),
  ];
}

export default spec;
