import { type CommandSpec, command } from '../../../cli/command.ts';
import {
  journalFlag,
  openJournal,
  SESSION_OUTPUT,
  statusFields,
  statusLines,
} from '../../../cli/flags/session.ts';

const spec: CommandSpec = command({
  output: { schemaId: SESSION_OUTPUT, operation: 'status' },
  summary: 'Show a session: its events, its checkpoints, and pending events.',
  description:
    'The whole journal is read and checked; one that is damaged is refused, with the place (exit 2).',
  examples: [{ says: 'Show a session', line: 'run session status --journal night.jsonl' }],
  flags: { journal: journalFlag },
  async run({ flags }) {
    const { journal } = flags;
    const { state } = await openJournal(journal).load();
    return { fields: { journal, status: statusFields(state) }, lines: statusLines(journal, state) };
  },
});

export default spec;
