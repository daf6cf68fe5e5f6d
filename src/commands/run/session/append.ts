import { type CommandSpec, command } from '../../../cli/command.ts';
import { journalFlag, openJournal, SESSION_OUTPUT } from '../../../cli/flags/session.ts';
import { printable } from '../../../cli/terminal.ts';
import { asJson } from '../../../cli/text/job.ts';
import { invalidInput } from '../../../core/errors.ts';
import { VERSION } from '../../../core/version.ts';
import { decideAppend, EVENT_VERDICTS, type EventFacts } from '../../../run/session/session.ts';

const spec: CommandSpec = command({
  output: { schemaId: SESSION_OUTPUT, operation: 'append' },
  summary: 'Append an event to a session: what a tool was asked to do, and the verdict on it.',
  description: 'The event is on disk before the command returns. Many processes may append to one journal.',
  examples: [
    {
      says: 'A call that was allowed',
      line: 'run session append --journal night.jsonl --tool db.query --verdict allow',
    },
  ],
  flags: {
    journal: journalFlag,
    tool: { type: 'string', value: 'NAME', required: true, summary: 'Name of the tool that was called.' },
    verdict: {
      type: 'string',
      value: 'VERDICT',
      required: true,
      options: EVENT_VERDICTS,
      summary: 'Verdict on the call.',
    },
    'intent-id': { type: 'string', value: 'ID', summary: 'Intent id of the call.' },
    'trace-id': { type: 'string', value: 'ID', summary: 'Id of the gate’s trace.' },
    'trace-path': { type: 'string', value: 'FILE', summary: 'Path of that trace.' },
    'intent-digest': { type: 'string', value: 'SHA256', summary: 'Digest of the call.' },
    'policy-digest': { type: 'string', value: 'SHA256', summary: 'Digest of the policy that decided.' },
    'reason-codes': { type: 'string', value: 'LIST', summary: 'Reason codes, comma-separated.' },
    violations: {
      type: 'string',
      value: 'LIST',
      summary: 'Codes of violations, comma-separated.',
    },
  },
  async run({ flags }, io) {
    if (flags.tool.trim() === '')
      throw invalidInput('flag_value_invalid', '--tool is empty', 'Name the tool.');
    const facts: EventFacts = {
      ...text('intent_id', flags['intent-id']),
      ...text('tool_name', flags.tool),
      ...text('intent_digest', flags['intent-digest']?.toLowerCase()),
      ...text('policy_digest', flags['policy-digest']?.toLowerCase()),
      ...text('trace_id', flags['trace-id']),
      ...text('trace_path', flags['trace-path']),
      verdict: flags.verdict,
      ...list('reason_codes', flags['reason-codes']),
      ...list('violations', flags.violations),
    };
    const event = await openJournal(flags.journal).change((state) => {
      const decided = decideAppend(state, facts, VERSION, io.clock.now());
      return { append: [{ record_type: 'event', event: decided }], result: decided };
    });
    return {
      fields: { journal: flags.journal, event: asJson(event) },
      lines: [
        `${printable(flags.journal)}: event ${event.sequence}  ${printable(flags.tool)}  ${flags.verdict}`,
      ],
    };
  },
});

function text(name: keyof EventFacts, value: string | undefined): EventFacts {
  const trimmed = value?.trim() ?? '';
  return trimmed === '' ? {} : { [name]: trimmed };
}

/** A list with commas between: trimmed, each once, sorted. */
function list(name: keyof EventFacts, value: string | undefined): EventFacts {
  const items = (value ?? '').split(',').map((item) => item.trim());
  const unique = [...new Set(items.filter((item) => item !== ''))].sort();
  return unique.length === 0 ? {} : { [name]: unique };
}

export default spec;
