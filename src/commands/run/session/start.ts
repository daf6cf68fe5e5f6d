import { type CommandSpec, command } from '../../../cli/command.ts';
import { journalFlag, openJournal, SESSION_OUTPUT, statusFields } from '../../../cli/flags/session.ts';
import { printable } from '../../../cli/terminal.ts';
import { invalidInput } from '../../../core/errors.ts';
import { VERSION } from '../../../core/version.ts';
import { refuseKeptPlace } from '../../../host/workspace/output_places.ts';
import { checkRunId } from '../../../run/record.ts';
import { decideStart, evolveSession, type SessionState } from '../../../run/session/session.ts';

const spec: CommandSpec = command({
  output: { schemaId: SESSION_OUTPUT, operation: 'start' },
  summary: 'Start the journal of a session; does nothing if it is started already.',
  examples: [
    {
      says: 'A journal for an agent that works for hours',
      line: 'run session start --journal night.jsonl --session-id night-1 --run-id run_night',
    },
  ],
  flags: {
    journal: journalFlag,
    'session-id': { type: 'string', value: 'ID', required: true, summary: 'Session id.' },
    'run-id': {
      type: 'string',
      value: 'ID',
      required: true,
      summary: 'Run id of the session; its checkpoints are ID_cp_0001 and so on.',
    },
  },
  async run({ flags }, io) {
    const sessionId = flags['session-id'].trim();
    if (sessionId === '' || sessionId.length > 256) {
      throw invalidInput('flag_value_invalid', '--session-id is 1 to 256 characters');
    }
    const ids = { sessionId, runId: checkRunId(flags['run-id']) };
    refuseKeptPlace(flags.journal, io.env);
    const now = io.clock.now();
    const { state, started } = await openJournal(flags.journal).start((before) => {
      const append = decideStart(before, ids, VERSION, now);
      const after = append.reduce<SessionState | undefined>((folded, line) => {
        const next = evolveSession(folded, line);
        return typeof next === 'string' ? folded : next;
      }, before);
      return { append, result: { state: after, started: append.length > 0 } };
    });
    if (state === undefined) throw invalidInput('journal_missing', `no journal: ${flags.journal}`);
    const { journal } = flags;
    return {
      fields: { journal, started, session_id: ids.sessionId, run_id: ids.runId, status: statusFields(state) },
      lines: [
        `${printable(journal)}: session ${printable(sessionId)} ${started ? 'started' : 'was started before'}`,
      ],
    };
  },
});

export default spec;
