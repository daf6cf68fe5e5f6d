import type { JsonObject } from '../../core/json.ts';
import { epochMs } from '../../core/time.ts';
import { MAX_TTL_MS } from '../checks.ts';
import { type AfterRepair, type JobEvent, type JobEventType, parseJobEvent } from '../events.ts';
import { lastsFor } from '../lease/evolve.ts';
import { type JobState, lastCheckpointNumber } from '../state.ts';
import { FINAL_STATUSES } from '../transitions.ts';
import { MIN_RECORD_BYTES, mayBeCompleted } from './evolve.ts';

/** What is larger was written by no job, and would leave no room for what is to come. */
const MAX_NUMBER = 1e12;

/** What is taken for the time of a lease that cannot be read any more. */
const USUAL_LEASE_MS = 30_000;

/** What was lost, beside what can be read of it. */
export interface Loss {
  /** Bytes behind the last good record, and of all that earlier repairs cut. */
  readonly bytes: number;
  /** Of these, what this repair cuts. */
  readonly cut: number;
  /** The highest revision that something beside the log remembers. */
  readonly remembered: number;
  /** Something in the cut says nothing any more: it may have been a claim. */
  readonly unreadable: boolean;
  /** The state that a snapshot remembers, whether or not the log has its record still. */
  readonly snapshot?: JobState;
}

/**
 * What can be read of the records that a repair cuts. It is believed where it restricts: numbers that were given stay
 * given, leases that were held may run on; and a final event that chains on the line before it is proof.
 */
export class CutSurvey {
  #token = 0;
  #checkpoint = 0;
  #floors = { token: 0, checkpoint: 0 };
  #unsettledMs = 0;
  #proved: AfterRepair['status'] | undefined;
  readonly #counts = new Map<JobEventType, number>();

  /** An event in a line of the cut; `chained`: its hash follows from the hash that the line before states. */
  add(stored: JsonObject, chained: boolean): void {
    const event = eventIn(stored);
    if (event === undefined) return;
    this.#counts.set(event.type, (this.#counts.get(event.type) ?? 0) + 1);
    this.#noteNumbers(event);
    this.#noteTime(event, chained);
    if (chained) this.#proved = finalStatusOf(event) ?? this.#proved;
  }

  /** An event that an earlier repair cut: what it gave out stays given, and it proves nothing of the job as it is now. */
  addEarlier(stored: JsonObject): void {
    const event = eventIn(stored);
    if (event !== undefined) this.#noteNumbers(event);
  }

  /** How many events of each type can be read. */
  get counts(): ReadonlyMap<JobEventType, number> {
    return this.#counts;
  }

  /** What the job is after the repair. `job`: as the last good record left it. Pure. */
  conclude(job: JobState, loss: Loss, chainedRecords: number): AfterRepair {
    const snapshot = isCredible(loss.snapshot) ? loss.snapshot : undefined;
    const remembered = loss.remembered <= MAX_NUMBER ? loss.remembered : 0;
    const possible = Math.ceil(loss.bytes / MIN_RECORD_BYTES) + Math.max(0, remembered - job.revision);
    const token = Math.max(job.revision, job.last_token, this.#floors.token, snapshot?.last_token ?? 0);
    const numbered = snapshot === undefined ? 0 : lastCheckpointNumber(snapshot);
    const checkpoint = Math.max(lastCheckpointNumber(job), this.#floors.checkpoint, numbered);
    const leases = [job.lease, snapshot?.lease ?? null].filter((lease) => lease !== null);
    const held = Math.max(0, ...leases.map(lastsFor), loss.unreadable ? USUAL_LEASE_MS : 0);
    const final = FINAL_STATUSES.has(job.status) ? job.status : finalOf(snapshot);
    const said = (final as AfterRepair['status'] | undefined) ?? this.#proved ?? 'blocked';
    const believed =
      said !== 'completed' || mayBeCompleted(job, { chained_records: chainedRecords }, loss.cut);
    return {
      status: believed ? said : 'blocked',
      token_floor: Math.max(token + possible, this.#token),
      checkpoint_floor: Math.max(checkpoint + possible, this.#checkpoint),
      unsettled_ms: Math.max(job.unsettled_ms ?? 0, held, this.#unsettledMs, snapshot?.unsettled_ms ?? 0),
      chained_records: chainedRecords,
    };
  }

  /** For how long a lease lasts stands twice in its claim: of a record that is damaged itself, the smaller one is meant. */
  #noteTime(event: JobEvent, chained: boolean): void {
    if (event.type !== 'lease_acquired' && event.type !== 'lease_renewed') return;
    const lasts = epochMs(event.payload.expires_at) - epochMs(event.created_at);
    const stated = event.type === 'lease_acquired' ? event.payload.ttl_ms : 0;
    const meant = chained ? lasts : Math.min(lasts, stated);
    this.#unsettledMs = Math.max(this.#unsettledMs, Math.min(meant, MAX_TTL_MS));
  }

  #noteNumbers(event: JobEvent): void {
    switch (event.type) {
      case 'lease_acquired':
      case 'lease_renewed':
        this.#token = larger(this.#token, event.payload.token);
        break;
      case 'checkpoint_added':
        this.#checkpoint = larger(this.#checkpoint, Number(event.payload.checkpoint_id.slice(3)));
        break;
      case 'repaired': {
        const { token_floor = 0, checkpoint_floor = 0 } = event.payload.after ?? {};
        this.#floors = {
          token: larger(this.#floors.token, token_floor),
          checkpoint: larger(this.#floors.checkpoint, checkpoint_floor),
        };
        break;
      }
      default:
    }
  }
}

/** A snapshot is signed by nobody. */
function isCredible(snapshot: JobState | undefined): boolean {
  if (snapshot === undefined) return false;
  return Math.max(snapshot.revision, snapshot.last_token, lastCheckpointNumber(snapshot)) <= MAX_NUMBER;
}

function larger(a: number, b: number): number {
  return b > a && b <= MAX_NUMBER ? b : a;
}

function finalOf(snapshot: JobState | undefined): JobState['status'] | undefined {
  return snapshot !== undefined && FINAL_STATUSES.has(snapshot.status) ? snapshot.status : undefined;
}

function finalStatusOf(event: JobEvent): AfterRepair['status'] | undefined {
  if (event.type === 'cancelled') return 'cancelled';
  if (event.type === 'emergency_stop_acknowledged') return 'emergency_stopped';
  return event.type === 'checkpoint_added' && event.payload.checkpoint_type === 'completed'
    ? 'completed'
    : undefined;
}

function eventIn(stored: JsonObject): JobEvent | undefined {
  try {
    const event = parseJobEvent(stored);
    if ('expires_at' in event.payload) epochMs(event.payload.expires_at);
    return event;
  } catch {
    return undefined;
  }
}
