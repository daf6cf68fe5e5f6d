import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** An event as it stands in a log, read without any code of gait. */
export interface Event {
  readonly type: string;
  readonly reason_code: string;
  readonly actor: string;
  readonly created_at: string;
  readonly revision: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface Log {
  readonly bytes: Buffer;
  /** Up to the first line that does not chain. */
  readonly events: readonly Event[];
  /** Whether each line that ends in a newline chains. */
  readonly chains: boolean;
}

/** Written anew from event_log.md. */
export function readLog(root: string, jobId: string): Log {
  const path = join(root, jobId, 'log.ndjson');
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  const events: Event[] = [];
  let head: Buffer = Buffer.alloc(32);
  for (const line of bytes.toString('utf8').split('\n').slice(0, -1)) {
    const [event, hash] = [line.slice(9, -75), line.slice(-66, -2)];
    head = createHash('sha256').update(head).update(event).digest();
    if (head.toString('hex') !== hash) return { bytes, events, chains: false };
    events.push(JSON.parse(event) as Event);
  }
  return { bytes, events, chains: true };
}

/** How many events are of this type and, if one is named, have this reason code. */
export function count({ events }: Log, type: string, reason?: string): number {
  return events.filter(
    (event) => event.type === type && (reason === undefined || event.reason_code === reason),
  ).length;
}

/** The token of the lease that the job is under; undefined if it is under none. */
export function leaseOf({ events }: Log): { readonly token: number; readonly worker: string } | undefined {
  let held: { token: number; worker: string } | undefined;
  for (const { type, revision, reason_code, payload } of events) {
    if (type === 'lease_acquired') held = { token: revision, worker: String(payload['worker_id']) };
    if (ENDS_LEASE.has(type) || reason_code === 'checkpoint_completed') held = undefined;
  }
  return held;
}

const ENDS_LEASE: ReadonlySet<string> = new Set([
  'lease_released',
  'cancelled',
  'emergency_stop_acknowledged',
  'repaired',
]);

/** Of the last event that changed it; only as far as the lane's jobs go. */
export function completed(log: Log): boolean {
  return count(log, 'checkpoint_added', 'checkpoint_completed') > 0;
}
