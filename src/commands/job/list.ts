import { type CommandSpec, command } from '../../cli/command.ts';
import { JOB_OUTPUT, rootFlag } from '../../cli/job_flags.ts';
import { asJson, table } from '../../cli/job_text.ts';
import { printable } from '../../cli/run.ts';
import { openJobs } from '../../cli/workspace.ts';
import { GaitError } from '../../core/errors.ts';
import type { JobListing } from '../../job/jobs.ts';
import { STATUSES } from '../../job/transitions.ts';

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
    const rows: Row[] = [];
    for await (const listing of openJobs(flags.root, io).jobs.list()) {
      const row = rowOf(listing);
      if (flags.status.length === 0 || flags.status.includes(row.status)) rows.push(row);
    }
    const cells = rows.map((row) => [
      row.job_id,
      row.status,
      row.updated_at ?? '',
      (row.open_decisions ?? []).join(' ') || '-',
      printable(row.last_summary ?? row.error ?? ''),
    ]);
    const lines =
      cells.length === 0 ? ['no jobs'] : table([['JOB', 'STATUS', 'LAST EVENT', 'OPEN', 'LAST'], ...cells]);
    return { fields: { jobs: rows.map(asJson) }, lines };
  },
});

function rowOf({ jobId: job_id, job }: JobListing): Row {
  if (job instanceof GaitError)
    return { job_id, status: UNREADABLE, error: job.message, error_code: job.code };
  const { status, updated_at, revision, last_checkpoint } = job;
  const open_decisions = job.open_decisions.map(({ checkpoint_id }) => checkpoint_id);
  const last = last_checkpoint === null ? {} : { last_summary: last_checkpoint.summary };
  return { job_id, status, updated_at, revision, open_decisions, ...last };
}

export default spec;
