import { epochMs } from '../../src/core/time.ts';
import type { JobEvent, JobEventOf } from '../../src/job/events.ts';
import type { JobState } from '../../src/job/state.ts';
import { promised } from './broken.ts';

interface Held {
  readonly token: number;
  readonly worker: string;
  readonly expires: number;
  /** How long it lasts without renewal. */
  readonly lasts: number;
}

/** Who may let a job run again. */
export type IsPerson = (actor: string) => boolean;

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
  #lastNumber = 0;
  #revision = 0;
  /** A decision was asked for while the job was blocked: only a person lets it run again. */
  #held = false;
  readonly #open = new Set<string>();
  readonly #isPerson: IsPerson;

  /** `graceMs`: how long everybody respects a lease past its end. */
  constructor(graceMs: number, isPerson: IsPerson = () => true) {
    this.#graceMs = graceMs;
    this.#isPerson = isPerson;
  }

  get status(): string {
    return this.#status;
  }

  get holder(): string | undefined {
    return this.#lease?.worker;
  }

  get isFinal(): boolean {
    return FINAL.has(this.#status);
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
        this.#lease = { ...(this.#lease as Held), ...timesOf(event) };
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
      case 'repaired':
        this.#repair(event);
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
    const { token, worker_id, taken_over } = event.payload;
    promised(this.#status === 'running', `a claim of a job that is ${this.#status}`);
    promised(token >= event.revision && token > this.#lastToken, `token ${token} after ${this.#lastToken}`);
    promised(worker_id === event.actor, `${event.actor} claimed for ${worker_id}`);
    promised(taken_over?.token === this.#lease?.token, `a claim beside the token ${this.#lease?.token}`);
    const early = (this.takeoverAt ?? 0) - epochMs(event.created_at);
    const watched = (taken_over?.unrenewed_ms ?? 0) >= (this.#lease?.lasts ?? 0) + this.#graceMs;
    promised(early <= 0 || watched, `the token ${this.#lease?.token} was taken over ${early} ms too early`);
    this.#lastToken = token;
    this.#lease = { token, worker: worker_id, ...timesOf(event) };
  }

  #checkpoint(event: JobEventOf<'checkpoint_added'>): void {
    const { checkpoint_id, checkpoint_type, token } = event.payload;
    if (this.#lease !== undefined) this.#ofHolder(event, token);
    else promised(token === undefined, `a checkpoint with the token ${token}, where nobody has a lease`);
    this.#checkpoints += 1;
    this.#lastNumber += 1;
    const due = `cp_${String(this.#lastNumber).padStart(4, '0')}`;
    promised(checkpoint_id === due, `${checkpoint_id} where ${due} is due`);
    const leaves = checkpoint_type === 'decision-needed' || checkpoint_type === 'blocked';
    promised(!leaves || this.#status !== 'paused', `a checkpoint led out of ${this.#status}`);
    if (checkpoint_type === 'decision-needed') {
      this.#open.add(checkpoint_id);
      this.#held ||= this.#status === 'blocked';
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
    if (event.type === 'budget_exceeded') {
      promised(this.#status !== 'paused', 'a budget led out of paused');
      this.#status = 'blocked';
    }
    if (event.type === 'cancelled') this.#end('cancelled');
    if (event.type === 'emergency_stop_acknowledged') this.#end('emergency_stopped');
    if (event.type !== 'resumed') return;
    promised(this.#open.size === 0, 'resumed with something open');
    const alone = this.#status === 'decision_needed' && !this.#held;
    promised(alone || this.#isPerson(event.actor), `${event.actor} undid that the job was ${this.#status}`);
    this.#held = false;
    this.#status = 'running';
  }

  /** What a repair cut may have been a stop: a person looks at it first. What is final stays it. */
  #repair({ payload: { after } }: JobEventOf<'repaired'>): void {
    promised(after !== undefined, 'a repair that does not say what the job is after it');
    const { status, token_floor, checkpoint_floor } = after;
    const stays = FINAL.has(this.#status) ? this.#status : undefined;
    promised(stays === undefined || status === stays, `a repair made ${this.#status} ${status}`);
    promised(status === 'blocked' || FINAL.has(status), `a repaired job that is ${status}`);
    promised(token_floor >= this.#lastToken && checkpoint_floor >= this.#lastNumber, 'floors that go back');
    this.#status = status;
    this.#lastToken = token_floor;
    this.#lastNumber = checkpoint_floor;
    this.#lease = undefined;
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

function timesOf({ created_at, payload }: JobEventOf<'lease_acquired' | 'lease_renewed'>): {
  readonly expires: number;
  readonly lasts: number;
} {
  const expires = epochMs(payload.expires_at);
  return { expires, lasts: expires - epochMs(created_at) };
}
