import { GaitError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { evolveAt, type Folded, foldRecord, type StreamModel } from './fold.ts';
import {
  type Expected,
  type Head,
  LogDamage,
  type Position,
  type SealedRecord,
  type StoredEvent,
  seal,
} from './record.ts';
import { LOG_START } from './scan.ts';
import type { EventStore } from './store.ts';
import { appendUnconfirmed } from './unconfirmed.ts';

/** What a decider answers: events to append, and a refusal that the caller is to see (after those were recorded). */
export interface Decided {
  readonly events: readonly JsonObject[];
  readonly refusal?: GaitError;
}

export interface Executed<S> extends Folded<S> {
  /** What this call appended. */
  readonly events: readonly JsonObject[];
}

export const SNAPSHOT_EVERY = 256;
const MAX_ATTEMPTS = 100;

/**
 * One stream, kept open: its folded state, and commands decided on it one after another.
 *
 * Commands of the same handle are decided on the state that the ones before them will leave, and their appends go
 * out together. If another writer came between, the store answers `conflict`, and each is decided again on the
 * fresh state, a bounded number of times.
 */
export class StreamHandle<S> {
  readonly #store: EventStore;
  readonly #model: StreamModel<S>;
  readonly #stream: string;
  /** The newest fold that is known to be in the log. */
  #settled: Folded<S>;
  /** The fold with all appends in flight; undefined when one of them failed and the log has to be read. */
  #current: Folded<S> | undefined;
  /** The newest record that this handle knows to be on disk: it appended it, or read it while nobody wrote. */
  #acknowledged: Position | undefined;
  #refreshing: Promise<void> | undefined;
  /** Counts how often the appends in flight were given up, so that a late loser does not undo a newer start. */
  #epoch = 0;
  #snapshotTried = false;
  /** There is a snapshot that another version wrote. */
  #foreignSnapshot = false;
  /** The newest known fold stands on a snapshot: what does not fold may be the snapshot's fault, not the log's. */
  #fromSnapshot = false;
  readonly #inFlight = new Set<Promise<unknown>>();

  constructor(store: EventStore, model: StreamModel<S>, stream: string) {
    this.#store = store;
    this.#model = model;
    this.#stream = stream;
    this.#settled = { state: model.initial, position: LOG_START };
  }

  /** Nothing is on its way: whoever opens the stream anew misses nothing. */
  get idle(): boolean {
    return this.#inFlight.size === 0 && this.#refreshing === undefined;
  }

  /** The state as the log has it now. Position 0 if the stream does not exist. */
  async load(): Promise<Folded<S>> {
    await this.#refresh();
    return this.#settled;
  }

  /**
   * Decides on the current state and appends what was decided: right behind `head`, or it is decided again. Throws the
   * decision's refusal, once it is recorded.
   */
  async execute(decide: (state: S, head: Head) => Decided): Promise<Executed<S>> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      if (this.#current === undefined) await this.#refresh();
      const base: Folded<S> = this.#current ?? this.#settled;
      const { events, refusal } = decide(base.state, base.position);
      if (events.length === 0) {
        // No append will compare this state with the log: an answer without events is given on what the log shows now.
        const now = await this.#settledNow();
        const answer = decide(now.state, now.position);
        if (answer.events.length > 0) continue;
        if (answer.refusal !== undefined) throw answer.refusal;
        return { ...now, events: [] };
      }
      const executed = await this.#append(base, events);
      if (executed === 'conflict') continue;
      if (refusal !== undefined) throw refusal;
      return executed;
    }
    throw new GaitError({
      code: 'stream_contended',
      category: 'state_contention',
      message: `others changed ${this.#stream} before each of ${MAX_ATTEMPTS} attempts`,
      retryable: true,
      hint: 'Run the same command again.',
    });
  }

  /** The log's own state, once the appends in flight have ended. The next command is decided on it too. */
  async #settledNow(): Promise<Folded<S>> {
    await Promise.allSettled(this.#inFlight);
    await this.#refresh();
    if (this.#inFlight.size === 0) this.#current = this.#settled;
    return this.#settled;
  }

  async #append(base: Folded<S>, events: readonly JsonObject[]): Promise<Executed<S> | 'conflict'> {
    const { idField } = this.#model;
    const batch = seal(this.#stream, idField, expectedOf(base.position), events);
    const state = this.#foldDecided(base, batch.records);
    const bytes = batch.records.reduce((sum, { line }) => sum + line.length, 0);
    const ahead = { state, position: { ...batch.head, offset: base.position.offset + bytes } };
    this.#current = ahead;
    const epoch = this.#epoch;
    try {
      const appending = this.#store.append(batch);
      this.#inFlight.add(appending);
      const outcome = await appending.finally(() => this.#inFlight.delete(appending));
      if (outcome.status === 'committed') {
        const settled = { state, position: outcome.head };
        this.#settle(settled);
        this.#acknowledged = outcome.head;
        await this.#snapshotIfDue(base.position.revision, settled);
        return { ...settled, events };
      }
      this.#startOver(epoch);
      if (outcome.status === 'conflict') return 'conflict';
      throw await this.#unconfirmed(outcome.hashes, outcome.cause);
    } catch (error) {
      this.#startOver(epoch);
      throw error;
    }
  }

  /** The reducer is the gate to the log: what it cannot fold is never written. */
  #foldDecided(base: Folded<S>, records: readonly SealedRecord[]): S {
    try {
      return records.reduce((state, { event }, index) => {
        return evolveAt(this.#model, { state, position: records[index - 1] ?? base.position }, event);
      }, base.state);
    } catch (cause) {
      throw new GaitError({
        code: 'decided_illegal_event',
        category: 'internal_failure',
        message: `refused to write an event that would not fold: ${cause instanceof Error ? cause.message : cause}`,
        hint: 'This is a bug of gait. Nothing was written.',
        cause,
      });
    }
  }

  #startOver(epoch: number): void {
    if (epoch !== this.#epoch) return;
    this.#epoch += 1;
    this.#current = undefined;
  }

  #settle(folded: Folded<S>): void {
    if (folded.position.revision > this.#settled.position.revision) this.#settled = folded;
  }

  /** Reads on from the newest known fold. Calls that come meanwhile share the one reading. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#readOn().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #readOn(): Promise<void> {
    if (this.#settled.position.revision === 0 && !this.#snapshotTried) {
      this.#snapshotTried = true;
      const found = await this.#store.loadSnapshot(this.#stream);
      const snapshot = found !== undefined && (await this.#isFoldedWhole()) ? undefined : found;
      const state =
        snapshot === undefined
          ? undefined
          : this.#model.snapshot.load(snapshot.state, this.#stream, snapshot.position.revision);
      if (snapshot !== undefined && state !== undefined) {
        this.#settled = { state, position: snapshot.position };
        this.#fromSnapshot = true;
      }
      this.#foreignSnapshot = snapshot !== undefined && state === undefined;
    }
    try {
      this.#settle(await this.#foldOn(this.#settled));
    } catch (error) {
      if (!this.#mayBeStale(error)) throw error;
      this.#settled = await this.#foldAnew();
      await this.#store.assertNoneLost?.(this.#stream, this.#settled.position);
      if (this.#fromSnapshot) await this.#snapshotNow(this.#settled); // the one that misled is replaced
      this.#fromSnapshot = false;
    }
    await this.#store.assertNoneLost?.(this.#stream, this.#settled.position);
    await this.#confirm();
    if (this.#foreignSnapshot) await this.#snapshotNow(this.#settled); // or every opening would fold it all
    this.#foreignSnapshot = false;
    this.#current ??= this.#settled;
  }

  async #confirm(): Promise<void> {
    const { position } = this.#settled;
    if (position.revision <= (this.#acknowledged?.revision ?? 0)) return;
    if ((await this.#store.confirms?.(this.#stream, position)) === true) this.#acknowledged = position;
  }

  async #isFoldedWhole(): Promise<boolean> {
    if (this.#model.requiresFullReplay === undefined) return false;
    for await (const [first] of this.#store.read(this.#stream)) {
      if (first !== undefined) return this.#model.requiresFullReplay(first.event);
    }
    return false;
  }

  /**
   * From the first event on, since the log no longer has the record that was read last: its writer could not finish
   * the batch and took it back. What this handle knows to be on disk must be there still.
   */
  async #foldAnew(): Promise<Folded<S>> {
    const acknowledged = this.#acknowledged;
    let found = acknowledged === undefined;
    let cut = false;
    const folded = await this.#foldOn(
      { state: this.#model.initial, position: LOG_START },
      ({ revision, hash, event }) => {
        found ||= revision === acknowledged?.revision && hash === acknowledged.hash;
        cut ||= revision <= (acknowledged?.revision ?? 0) && this.#model.tellsOfCut?.(event) === true;
      },
    );
    if (!found) {
      if (cut) this.#acknowledged = undefined; // the log says itself what became of it: it is told once
      const { revision } = acknowledged ?? LOG_START;
      const where = { stream: this.#stream, revision, offset: folded.position.offset };
      throw new LogDamage(where, 'acknowledged_lost', 'a record that was on disk is not there any more');
    }
    return folded;
  }

  async #foldOn(from: Folded<S>, visit?: (record: StoredEvent) => void): Promise<Folded<S>> {
    let folded = from;
    for await (const records of this.#store.read(this.#stream, { after: from.position })) {
      for (const record of records) {
        folded = foldRecord(this.#model, this.#stream, folded, record);
        visit?.(record);
      }
    }
    return folded;
  }

  #mayBeStale(error: unknown): boolean {
    if (!(error instanceof GaitError)) return false;
    return error.code === 'position_unknown' || (this.#fromSnapshot && error instanceof LogDamage);
  }

  async #snapshotIfDue(before: number, folded: Folded<S>): Promise<void> {
    if (Math.floor(folded.position.revision / SNAPSHOT_EVERY) === Math.floor(before / SNAPSHOT_EVERY)) return;
    await this.#snapshotNow(folded);
  }

  async #snapshotNow({ state, position }: Folded<S>): Promise<void> {
    if (position.revision === 0) return;
    await this.#store.saveSnapshot(this.#stream, { position, state: this.#model.snapshot.save(state) });
  }

  /** The append's outcome is not known: say what the log shows now, and never claim that it is safe on disk. */
  async #unconfirmed(hashes: readonly string[], cause: unknown): Promise<GaitError> {
    let found = false;
    try {
      for await (const records of this.#store.read(this.#stream)) {
        found ||= records.some(({ hash }) => hashes.includes(hash));
      }
    } catch {
      // What cannot be read now is as unknown as before.
    }
    return appendUnconfirmed(this.#stream, hashes, found, cause);
  }
}

function expectedOf(position: Position): Expected {
  return position.revision === 0 ? 'none' : { revision: position.revision, hash: position.hash };
}
