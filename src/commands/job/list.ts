import { type CommandSpec, command } from '../../cli/command.ts';
import { JOB_OUTPUT, rootFlag } from '../../cli/flags/job.ts';
import type { Io } from '../../cli/io.ts';
import { outputText } from '../../cli/run.ts';
import { printable } from '../../cli/terminal.ts';
import { table } from '../../cli/text/job.ts';
import { canonicalize } from '../../core/canonical.ts';
import { GaitError } from '../../core/errors.ts';
import { openJobs } from '../../host/workspace/workspace.ts';
import type { JobRow } from '../../job/read/row.ts';
import { STATUSES } from '../../job/transitions.ts';
import type { Listed } from '../../log/stores/listing.ts';

const UNREADABLE = 'unreadable';

interface Row {
  readonly job_id: string;
  readonly status: string;
  readonly updated_at?: string;
  readonly revision?: number;
  readonly open_decisions?: readonly string[];
  readonly last_summary?: string;
  readonly error?: string;
  readonly error_code?: string;
}

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'list' },
  summary: 'List the jobs.',
  description:
    'Each with its status, its last activity and the decisions it waits for. A job whose log cannot be read is listed ' +
    'as unreadable, with the reason.',
  examples: [
    { says: 'List all jobs', line: 'job list' },
    { says: 'Those that wait for a person', line: 'job list --status decision_needed --status paused' },
  ],
  flags: {
    root: rootFlag,
    status: {
      type: 'strings',
      value: 'STATUS',
      options: [...STATUSES, UNREADABLE],
      summary: `Only jobs of this status. Repeatable. One of ${[...STATUSES, UNREADABLE].join(', ')}.`,
    },
  },
  async run({ flags }, io) {
    const wanted = new Set<string>(flags.status);
    const output = io.json ? new JsonRows() : new TableRows();
    for await (const group of openJobs(flags.root, io).jobs.rows()) {
      const rows = group.map(shown);
      output.add(wanted.size === 0 ? rows : rows.filter(({ status }) => wanted.has(status)));
    }
    output.print(io);
    return { fields: {}, lines: [], streamed: true };
  },
});

function shown({ stream: job_id, row }: Listed<JobRow>): Row {
  if (row instanceof GaitError)
    return { error: row.message, error_code: row.code, job_id, status: UNREADABLE };
  const { last_summary, open_decisions, revision, status, updated_at } = row;
  const last = last_summary === null ? {} : { last_summary };
  return { job_id, ...last, open_decisions, revision, status, updated_at };
}

/** The one line of JSON, in pieces: of very many jobs it is longer than one text should be. */
class JsonRows {
  readonly #pieces: string[] = [];

  add(rows: readonly Row[]): void {
    if (rows.length > 0) this.#pieces.push(canonicalize(rows).slice(1, -1));
  }

  print(io: Io): void {
    const [head, tail] = outputText(spec.output, { jobs: [] }).split('[]');
    io.printJson(`${head}[`);
    for (const [i, piece] of this.#pieces.entries()) io.printJson(i === 0 ? piece : `,${piece}`);
    io.printJson(`]${tail}\n`);
  }
}

class TableRows {
  readonly #cells: string[][] = [];

  add(rows: readonly Row[]): void {
    for (const { job_id, status, updated_at = '', open_decisions = [], last_summary, error } of rows) {
      const last = printable(last_summary ?? error ?? '');
      this.#cells.push([job_id, status, updated_at, open_decisions.join(' ') || '-', last]);
    }
  }

  print(io: Io): void {
    if (this.#cells.length === 0) {
      io.print('no jobs');
      return;
    }
    const lines = table([['JOB', 'STATUS', 'LAST EVENT', 'OPEN', 'LAST'], ...this.#cells]);
    for (let at = 0; at < lines.length; at += LINES_AT_ONCE) io.printAll(lines.slice(at, at + LINES_AT_ONCE));
  }
}

/** A write for each line would cost more than to find the jobs. */
const LINES_AT_ONCE = 1000;

export default spec;
