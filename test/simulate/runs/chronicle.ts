import { epochMs } from '../../../src/core/time.ts';
import type { JobEvent, JobEventOf } from '../../../src/job/events.ts';
import type { JobRules } from '../../../src/job/jobs.ts';
import type { Job } from '../../../src/job/state.ts';
import { promised } from '../broken.ts';
import { Oracle } from '../oracle.ts';
import { OPEN } from './open_faults.ts';
import { linesOf, NO_HASH, type RawLine } from './raw_log.ts';
import type { Tally } from './tally.ts';

/** How long everybody respects a lease past its end, unless it was watched. Milliseconds. */
export const GRACE_MS = 500;

export function isPerson(actor: string): boolean {
  return actor.startsWith('op');
}

interface Told {
  readonly type: string;
  readonly actor: string;
  /** When whoever did it knew; undefined while nobody does. */
  at: number | undefined;
}

/**
 * What was ever true of one job, whatever became of its log: what was acknowledged, what was given out, what persons said.
 * It reads the bytes of the log itself, and is written from the contract alone.
 */
export class Chronicle {
  readonly jobId: string;
  /** Another history took the place of the true one for a while: who wrote then could not know. */
  forked: boolean = false;
  /** Its bytes were damaged at least once. */
  everDamaged: boolean = false;
  /** Behind the last good record there is damage, or there were more records. Until it is repaired. */
  damaged: boolean = false;
  /** Its end is gone, and something beside it remembers that. */
  shortened: boolean = false;
  /** How the work under each token was said to have ended, and the record that says so. */
  readonly outcomes: Map<number, { readonly outcome: string; readonly hash: string }> = new Map();
  job: Job;
  oracle: Oracle = new Oracle(0, isPerson);
  readonly told: Map<string, Told> = new Map();
  /** Records that damage took, and those that a repair showed and cut. */
  readonly given: Set<string> = new Set();
  /** The checkpoints that were approved. */
  readonly approved: Set<string> = new Set();
  /** How often a decision was asked for, at least. */
  asked: number = 0;
  /** When a person last let it run, as far as the log goes. */
  resumes: number = 0;
  /** The commands that a guard killed, by token. */
  readonly guardKilled: Set<number> = new Set();
  readonly #rules: JobRules;
  readonly #tally: Tally;
  readonly #noted = new Set<string>();
  readonly #acknowledged = new Set<string>();
  /** When the lease of a token was set last, in true time, and how long it lasts. */
  readonly #leases = new Map<number, { at: number; lasts: number }>();
  #good: { readonly hash: string; readonly end: number }[] = [];
  #inBytes = new Set<string>();
  #bytes: Buffer = Buffer.alloc(0);
  #maxToken = 0;
  #maxNumber = 0;
  #repairs = 0;
  /** Whether the present writer saw the lease of a token in a list of jobs. */
  #listed: (token: number) => boolean = () => true;

  constructor(jobId: string, rules: JobRules, tally: Tally) {
    this.jobId = jobId;
    this.#rules = rules;
    this.#tally = tally;
  }

  get length(): number {
    return this.#good.length;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Where each good record ends. */
  get ends(): readonly number[] {
    return this.#good.map(({ end }) => end);
  }

  hashAt(revision: number): string | undefined {
    return this.#good[revision - 1]?.hash;
  }

  isIn(hash: string): boolean {
    return this.#inBytes.has(hash);
  }

  /** The hash of what made it what it is: paused, blocked, final. */
  statusBy: string | undefined;

  /** A record is on disk, as its writer will be told. */
  committed(
    event: JobEvent,
    hash: string,
    now: number,
    listed: (token: number) => boolean = () => true,
  ): void {
    this.#listed = listed;
    if (this.shortened && OPEN.blindAppends) this.#leaveAlone();
    this.#note(event, hash, now);
    this.#acknowledged.add(hash);
  }

  /** What stands behind a revision now. */
  hashesBehind(revision: number): readonly string[] {
    const from = this.#good[revision - 1]?.end ?? 0;
    return linesOf(this.#bytes, from).flatMap(({ record }) => (record === undefined ? [] : [record.hash]));
  }

  /** It was damaged, or a person saw that it would be cut. */
  mayGo(hashes: readonly string[]): void {
    for (const hash of hashes) this.given.add(hash);
  }

  /** Takes in the log as it stands. */
  look(bytes: Buffer, now: number): void {
    if (bytes.equals(this.#bytes)) return;
    const before = this.#bytes;
    this.#bytes = bytes;
    const good = this.#good;
    const last = good.at(-1);
    const goesOn =
      !this.damaged && last !== undefined && bytes.subarray(0, last.end).equals(before.subarray(0, last.end));
    if (!goesOn) this.#startOver();
    const from = this.#good.at(-1);
    const known = this.#good.length;
    const lines = linesOf(bytes, from?.end ?? 0, from?.hash);
    if (!goesOn) this.#inBytes = new Set();
    for (const { record } of lines) if (record !== undefined) this.#inBytes.add(record.hash);
    for (const line of lines) {
      if (!line.chained || line.record === undefined) break;
      this.#take(line.record.event, line.record.hash, line.end, before, now);
    }
    this.damaged = this.shortened || this.#good.length < known + lines.length;
    this.holds();
  }

  /** Its end is gone, and what remembered that is gone as well. */
  nothingToRepair(): void {
    if (!this.shortened || !OPEN.snapshotOverwritten) return;
    this.#leaveAlone();
    this.damaged = false;
  }

  /** One of the faults that are open. */
  #leaveAlone(): void {
    this.shortened = false;
    this.forked = true;
    this.#tally.openFaults += 1;
  }

  #startOver(): void {
    this.#good = [];
    this.oracle = new Oracle(0, isPerson);
    this.job = undefined;
    this.resumes = 0;
    this.statusBy = undefined;
  }

  /** All that was acknowledged stands in the bytes of the log, or went with what was shown to go. */
  holds(): void {
    if (this.forked) return;
    for (const hash of this.#acknowledged) {
      const holds = this.#inBytes.has(hash) || this.given.has(hash);
      promised(holds, `${this.jobId}: what was acknowledged is lost: ${this.told.get(hash)?.type ?? hash}`);
    }
  }

  #take(event: JobEvent, hash: string, end: number, before: Buffer, now: number): void {
    const isNew = !this.#noted.has(hash);
    this.#note(event, hash, now);
    const was = this.oracle.status;
    if (event.type === 'repaired' && isNew) {
      this.#assertRepair(event, before);
      this.shortened = false;
    }
    this.oracle.take(event);
    if (this.oracle.status !== was || event.type === 'repaired') this.statusBy = hash;
    if (event.type === 'resumed') this.resumes += 1;
    this.job = this.#rules.model.evolve(this.job, event as never);
    if (this.job !== undefined) this.oracle.agreesWith(this.job);
    this.#good.push({ hash, end });
  }

  /** What must hold of it whatever the log was before, and will be. Once for each record. */
  #note(event: JobEvent, hash: string, now: number): void {
    if (this.#noted.has(hash)) return;
    this.#noted.add(hash);
    this.told.set(hash, { type: event.type, actor: event.actor, at: undefined });
    this.#noteEnd(event, hash);
    if (event.type === 'approved') this.approved.add(event.payload.checkpoint_id);
    if (this.forked) return;
    if (event.type === 'lease_acquired') this.#noteClaim(event, now);
    if (event.type === 'lease_renewed')
      this.#leases.set(event.payload.token, { at: now, lasts: lastsOf(event) });
    if (event.type === 'lease_released' && event.payload.outcome === 'failed')
      this.#blamed(event.payload.token);
    if (event.type === 'checkpoint_added') this.#noteCheckpoint(event);
    if (event.type === 'resumed' && !isPerson(event.actor)) this.#tally.automaticResumes += 1;
    if (event.type === 'repaired') {
      const { token_floor = 0, checkpoint_floor = 0 } = event.payload.after ?? {};
      const goneBack = token_floor < this.#maxToken || checkpoint_floor < this.#maxNumber;
      if (goneBack && this.#repairs > 0 && OPEN.floorsOfSecondRepair) this.#leaveAlone();
      this.#repairs += 1;
      promised(
        this.forked || (token_floor >= this.#maxToken && checkpoint_floor >= this.#maxNumber),
        `${this.jobId}: repaired, and tokens above ${token_floor} and ids above ${checkpoint_floor} may be given anew after ${this.#maxToken} and ${this.#maxNumber}`,
      );
      this.asked = Math.max(2, this.asked);
    }
  }

  #noteEnd({ type, payload }: JobEvent, hash: string): void {
    if (type === 'lease_released') this.outcomes.set(payload.token, { outcome: payload.outcome, hash });
    if (type === 'checkpoint_added' && payload.checkpoint_type === 'completed' && payload.token !== undefined)
      this.outcomes.set(payload.token, { outcome: 'finished', hash });
  }

  #noteClaim(event: JobEventOf<'lease_acquired'>, now: number): void {
    const { token, taken_over } = event.payload;
    promised(token > this.#maxToken, `${this.jobId}: the token ${token} was given after ${this.#maxToken}`);
    this.#maxToken = token;
    const before = taken_over === undefined ? undefined : this.#leases.get(taken_over.token);
    this.#leases.set(token, { at: now, lasts: lastsOf(event) });
    if (before === undefined) return;
    this.#tally.takeovers += 1;
    const unrenewed = now - before.at;
    const said = taken_over?.unrenewed_ms ?? 0;
    if (said > 0) this.#tally.watchedTakeovers += 1;
    promised(
      unrenewed >= said,
      `a lease said to be unrenewed for ${said} ms was renewed ${unrenewed} ms ago`,
    );
    // A worker may have found the job free a moment before; its claim is decided by its clock then.
    const wasFree = OPEN.listedAsFree && !this.#listed(taken_over?.token ?? 0);
    const works = event.actor.startsWith('w') && !wasFree;
    promised(!works || unrenewed >= before.lasts, `a worker took up a lease renewed ${unrenewed} ms ago`);
  }

  #noteCheckpoint({ payload }: JobEventOf<'checkpoint_added'>): void {
    const number = Number(payload.checkpoint_id.slice(3));
    promised(number > this.#maxNumber, `${this.jobId}: ${payload.checkpoint_id} after ${this.#maxNumber}`);
    this.#maxNumber = number;
    if (payload.checkpoint_type === 'decision-needed') this.asked += 1;
    if (payload.checkpoint_type === 'blocked' && payload.token !== undefined) this.#blamed(payload.token);
  }

  #blamed(token: number): void {
    promised(
      !this.guardKilled.has(token),
      `the command of the token ${token} is blamed for what its guard did`,
    );
  }

  /** What a final record in the cut proves stays; anything else waits for a person. */
  #assertRepair({ payload }: JobEventOf<'repaired'>, before: Buffer): void {
    if (this.forked) return;
    const last = this.#good.at(-1);
    const proved = finalIn(linesOf(before, last?.end ?? 0, last?.hash ?? NO_HASH));
    const due = this.oracle.isFinal ? this.oracle.status : proved;
    if (due === undefined) return;
    promised(payload.after?.status === due, `${this.jobId} was ${due}, and a repair made it something else`);
  }
}

function finalIn(lines: readonly RawLine[]): string | undefined {
  let status: string | undefined;
  for (const { record, chained } of lines) if (chained) status = finalBy(record?.event) ?? status;
  return status;
}

function finalBy(event: JobEvent | undefined): string | undefined {
  if (event?.type === 'cancelled') return 'cancelled';
  if (event?.type === 'emergency_stop_acknowledged') return 'emergency_stopped';
  return event?.type === 'checkpoint_added' && event.payload.checkpoint_type === 'completed'
    ? 'completed'
    : undefined;
}

function lastsOf({ created_at, payload }: JobEventOf<'lease_acquired' | 'lease_renewed'>): number {
  return epochMs(payload.expires_at) - epochMs(created_at);
}
