import type { JsonObject } from '../../core/json.ts';
import type { Budget, JobEvent } from '../../job/events.ts';
import { describeEvents, eventText } from '../../job/read/describe.ts';
import type { Checkpoint, JobState, Lease, Usage } from '../../job/state.ts';
import type { Status } from '../../job/transitions.ts';
import type { Position } from '../../log/record.ts';
import type { Reply } from '../command.ts';
import type { Io } from '../io.ts';
import { shellQuoted } from '../run.ts';
import type { Color } from '../terminal.ts';
import { printable } from '../terminal.ts';
import { approvalDecisionLines } from './approval.ts';

const STATUS_COLORS: Record<Status, Color> = {
  running: 'green',
  paused: 'yellow',
  decision_needed: 'yellow',
  blocked: 'red',
  completed: 'cyan',
  cancelled: 'dim',
  emergency_stopped: 'red',
};

export function paintStatus(status: Status, io: Io): string {
  return io.paint(STATUS_COLORS[status], status);
}

/** The reply of every command that leaves a job in a state. */
export function describeJob(job: JobState, { revision, hash }: Position, io: Io): Reply {
  return { fields: { job: asJson(job), head: { revision, hash } }, lines: jobLines(job, hash, io) };
}

export function jobLines(job: JobState, headHash: string, io: Io): string[] {
  const lines = [
    `${io.paint('bold', job.job_id)}  ${paintStatus(job.status, io)}${why(job)}`,
    `  submitted   ${job.created_at}, last event ${job.updated_at}`,
  ];
  if (job.last_checkpoint !== null) lines.push(`  checkpoint  ${checkpointLine(job.last_checkpoint)}`);
  lines.push(...approvalDecisionLines(job, io));
  if (job.command !== null) lines.push(`  command     ${job.command.argv.map(shellQuoted).join(' ')}`);
  if (job.lease !== null) lines.push(`  lease       ${leaseLine(job.lease)}`);
  if (job.usage.attempts > 1)
    lines.push(`  attempt     ${job.usage.attempts} since it was submitted, or last resumed`);
  if (job.budget !== null) lines.push(`  budget      ${budgetLine(job.budget, job.usage)}`);
  lines.push(
    `  counts      ${count(job.checkpoint_count, 'checkpoint')}, ${count(job.approval_count, 'approval')}`,
  );
  lines.push(`  head        revision ${job.revision}, ${headHash}`);
  return lines;
}

/** Why the status is what it is, as far as the status does not say so itself. */
function why({ status, stop_reason, status_reason_code }: JobState): string {
  const reasons = new Set(
    [stop_reason, status_reason_code].filter((code) => code !== 'none' && code !== status),
  );
  return reasons.size === 0 ? '' : `  (${[...reasons].join(', ')})`;
}

export function checkpointLine({ checkpoint_id, type, summary, required_action }: Checkpoint): string {
  const needs = required_action === undefined ? '' : `  (needs: ${printable(required_action)})`;
  return `${checkpoint_id}  ${type}  ${printable(summary)}${needs}`;
}

function leaseLine({ worker_id, token, expires_at }: Lease): string {
  return `token ${token}, ${printable(worker_id)} until ${expires_at} unless it is renewed`;
}

function budgetLine({ max_attempts, max_steps, max_wall_ms }: Budget, { attempts, steps }: Usage): string {
  const parts = [
    max_attempts === undefined ? undefined : `${attempts} of ${max_attempts} attempts`,
    max_steps === undefined ? undefined : `${steps} of ${max_steps} steps`,
    max_wall_ms === undefined ? undefined : `${max_wall_ms / 1000} s from its first claim on`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

export function eventLine(event: JobEvent, io: Io): string {
  return happening({ ...event, text: eventText(event) }, io);
}

export function eventLines(events: readonly JobEvent[], io: Io): string[] {
  return describeEvents(events).map(({ event, text }) => happening({ ...event, text }, io));
}

/** One line of what happened: which event, when, by whom, what. */
export function happening(
  entry: {
    readonly revision: number;
    readonly created_at: string;
    readonly actor: string;
    readonly text: string;
  },
  io: Io,
): string {
  const when = io.paint('dim', entry.created_at.padEnd(24));
  return `${String(entry.revision).padStart(4)}  ${when}  ${printable(entry.actor)}  ${printable(entry.text)}`;
}

/** `1 event`, `2 events`. */
export function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** A value made of plain objects, as JSON; interfaces have no index signature of their own. */
export function asJson(value: object): JsonObject {
  return value as JsonObject;
}
