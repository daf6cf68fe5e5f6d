import { epochMs } from '../../src/core/time.ts';
import type { JobEvent, JobEventOf } from '../../src/job/events.ts';
import type { JobState } from '../../src/job/state.ts';
import { promised } from './broken.ts';

interface Held {
  readonly token: number;
  readonly worker: string;
  readonly expires: number;
}

const FINAL = new Set(['completed', 'cancelled', 'emergency_stopped']);

/**
 * The rules of a job a second time, from the events alone and with no code of the reducer: what must hold of a log
 * whoever wrote it. Throws Broken at the first event that nobody had the right to write.
 */
export class Oracle {
  readonly #graceMs: number;
  #status = 'none';
  #lease: Held | undefined;
  #lastToken = 0;
  #checkpoints = 0;
  #revision = 0;
  readonly #open = new Set<string>();

  /** `graceMs`: how long everybody respects a lease past its end. */
  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  get liveToken(): number | undefined {
    return this.#lease?.token;
  }

  /** When the lease may be taken over, in milliseconds since 1970. */
  get takeoverAt(): number | undefined {
    return this.#lease === undefined ? undefined : this.#lease.expires + this.#graceMs;
  }

  take(event: JobEvent): void {
    this.#revision += 1;
    promised(event.revision === this.#revision, `revision ${event.revision} in place ${this.#revision}`);
    promised((event.type === 'submitted') === (this.#revision === 1), 'a job is submitted once, at first');
    promised(!FINAL.has(this.#status) || event.type === 'repaired', `${event.type} after ${this.#status}`);
    switch (event.type) {
      case 'lease_acquired':
        this.#acquire(event);
        return;
      case 'lease_renewed':
        this.#ofHolder(event, event.payload.token);
        this.#lease = { ...(this.#lease as Held), expires: epochMs(event.payload.expires_at) };
        return;
      case 'lease_released':
        this.#ofHolder(event, event.payload.token);
        this.#lease = undefined;
        return;
      case 'checkpoint_added':
        this.#checkpoint(event);
        return;
      case 'approved':
        promised(this.#open.delete(event.payload.checkpoint_id), 'an approval of what is not open');
        return;
      default:
        this.#enter(event);
    }
  }

  /** Holds what gait folded against this. */
  agreesWith(job: JobState): void {
    const lease = job.lease;
    promised(job.status === this.#status, `folded to ${job.status}, where ${this.#status} is due`);
    promised(lease?.token === this.#lease?.token, 'folded to another lease');
    promised(lease?.worker_id === this.#lease?.worker, 'folded to another holder');
    promised(
      lease === null || epochMs(lease.expires_at) === this.#lease?.expires,
      'another end of the lease',
    );
    promised(job.checkpoint_count === this.#checkpoints, 'folded to another number of checkpoints');
    const open = job.open_decisions.map(({ checkpoint_id }) => checkpoint_id);
    promised(open.join() === [...this.#open].join(), 'folded to other open decisions');
  }

  #acquire(event: JobEventOf<'lease_acquired'>): void {
    const { token, worker_id, expires_at, taken_over } = event.payload;
    promised(this.#status === 'running', `a claim of a job that is ${this.#status}`);
    promised(token === event.revision && token > this.#lastToken, `token ${token} after ${this.#lastToken}`);
    promised(worker_id === event.actor, `${event.actor} claimed for ${worker_id}`);
    promised(taken_over?.token === this.#lease?.token, `a claim beside the token ${this.#lease?.token}`);
    const early = (this.takeoverAt ?? 0) - epochMs(event.created_at);
    promised(early <= 0, `the token ${this.#lease?.token} was taken over ${early} ms before its time`);
    this.#lastToken = token;
    this.#lease = { token, worker: worker_id, expires: epochMs(expires_at) };
  }

  #checkpoint(event: JobEventOf<'checkpoint_added'>): void {
    const { checkpoint_id, checkpoint_type, token } = event.payload;
    if (this.#lease !== undefined) this.#ofHolder(event, token);
    else promised(token === undefined, `a checkpoint with the token ${token}, where nobody has a lease`);
    this.#checkpoints += 1;
    const due = `cp_${String(this.#checkpoints).padStart(4, '0')}`;
    promised(checkpoint_id === due, `${checkpoint_id} where ${due} is due`);
    if (checkpoint_type === 'decision-needed') {
      this.#open.add(checkpoint_id);
      this.#status = 'decision_needed';
    } else if (checkpoint_type === 'blocked') {
      this.#status = 'blocked';
    } else if (checkpoint_type === 'completed') {
      promised(this.#status === 'running' && this.#open.size === 0, 'completed with something open');
      this.#end('completed');
    }
  }

  #enter(event: JobEvent): void {
    if (event.type === 'submitted') this.#status = 'running';
    if (event.type === 'paused') this.#status = 'paused';
    if (event.type === 'budget_exceeded') this.#status = 'blocked';
    if (event.type === 'cancelled') this.#end('cancelled');
    if (event.type === 'emergency_stop_acknowledged') this.#end('emergency_stopped');
    if (event.type !== 'resumed') return;
    promised(this.#open.size === 0, 'resumed with something open');
    this.#status = 'running';
  }

  #end(status: string): void {
    this.#status = status;
    this.#lease = undefined;
  }

  #ofHolder(event: JobEvent, token: number | undefined): void {
    const lease = this.#lease;
    const written = `${event.type} by ${event.actor} with the token ${token}`;
    promised(lease !== undefined, `${written}, where nobody has a lease`);
    promised(token === lease.token, `${written}, while ${lease.worker} holds ${lease.token}`);
    promised(event.actor === lease.worker, `${written}, which ${lease.worker} holds`);
  }
}
