import { resolve } from 'node:path';
import { type CommandSpec, command } from '../../../cli/command.ts';
import { journalFlag, openJournal, SESSION_OUTPUT } from '../../../cli/flags/session.ts';
import { printable } from '../../../cli/terminal.ts';
import { count } from '../../../cli/text/job.ts';
import { writeFileAtomically } from '../../../files/atomic_file.ts';
import { assertCovered } from '../../../host/sessions/compaction.ts';
import { refuseExisting, refuseKeptPlace } from '../../../host/workspace/output_places.ts';
import { journalBytes } from '../../../run/session/journal.ts';
import { compacted, type SessionState } from '../../../run/session/session.ts';

const spec: CommandSpec = command({
  output: { schemaId: SESSION_OUTPUT, operation: 'compact' },
  summary: 'Compact a journal: remove the events that a checkpoint covers; their runpacks keep them.',
  description: 'The journal is replaced atomically. Sequence numbers continue.',
  examples: [
    { says: 'What it would do', line: 'run session compact --journal night.jsonl --dry-run' },
    { says: 'Into another file', line: 'run session compact --journal night.jsonl --out small.jsonl' },
  ],
  flags: {
    journal: journalFlag,
    out: { type: 'string', value: 'FILE', summary: 'File to write. By default the journal itself.' },
    'dry-run': { type: 'boolean', summary: 'Dry run: only show what would be done.' },
  },
  async run({ flags }, io) {
    const { journal, out } = flags;
    const journalFile = openJournal(journal);
    const inPlace = out === undefined || resolve(out) === resolve(journal);
    if (!inPlace) {
      refuseKeptPlace(out, io.env);
      refuseExisting(out, 'leave --out away to compact in place');
    }
    const write = !flags['dry-run'];
    const { state, before } = await journalFile.change((now, bytes) => {
      if (write) assertCovered(journal, now);
      const result = { state: now, before: bytes };
      return write && inPlace ? { replace: compacted(now), result } : { result };
    });
    const bytes = journalBytes(compacted(state));
    if (write && !inPlace) await writeFileAtomically(out, bytes);
    const compaction = {
      journal_path: journal,
      output_path: out ?? journal,
      checkpoints: state.checkpoints.length,
      ...{ events_before: state.eventCount, events_after: state.pending.length },
      ...{
        bytes_before: before,
        bytes_after: bytes.length,
        compacted: state.pending.length < state.eventCount,
        dry_run: !write,
      },
      last_checkpoint_sequence: state.checkpoints.at(-1)?.sequence_end ?? 0,
    };
    return { fields: { journal, compaction }, lines: [describe(state, compaction)] };
  },
});

function describe(
  { eventCount, pending }: SessionState,
  {
    output_path,
    dry_run,
    bytes_before,
    bytes_after,
  }: {
    readonly output_path: string;
    readonly dry_run: boolean;
    readonly bytes_before: number;
    readonly bytes_after: number;
  },
): string {
  const gone = eventCount - pending.length;
  const kept = `${count(pending.length, 'event')} kept, ${bytes_before} bytes become ${bytes_after}`;
  return `${printable(output_path)}: ${count(gone, 'event')} ${dry_run ? 'would be' : ''} taken out, ${kept}`.replace(
    '  ',
    ' ',
  );
}

export default spec;
