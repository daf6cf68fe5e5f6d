import { isDeepStrictEqual } from 'node:util';
import type { JobEvent } from '../../src/job/events.ts';
import { type Job, jobToSnapshot } from '../../src/job/state.ts';
import { FINAL_STATUSES } from '../../src/job/transitions.ts';
import { foldRecord } from '../../src/log/fold.ts';
import { LogDamage, type Position, type StoredEvent } from '../../src/log/record.ts';
import { LOG_START } from '../../src/log/scan.ts';
import type { EventStore } from '../../src/log/store.ts';
import { type FileStore, LOG_FILE, SNAPSHOT_FILE } from '../../src/log/stores/file_store.ts';
import { StreamHandle } from '../../src/log/stream.ts';
import { promised } from './broken.ts';
import type { Acknowledged, Ledger } from './ledger.ts';
import { Oracle } from './oracle.ts';
import { bytesOf } from './raw.ts';
import type { Subject } from './subject.ts';
import type { Tally } from './tally.ts';

/** Who records repairs. No append goes with them, so the ledger does not know them. */
export const REPAIRER = 'repairer';

/** How long everybody respects a lease past its end. Milliseconds. */
export const GRACE_MS = 500;

interface Look {
  readonly powerFailed: boolean;
  /** From the first record on in any case. */
  readonly whole: boolean;
}

/** What is known of one job's log, and what it owes. */
export class JobView {
  readonly jobId: string;
  /** Hashes by revision, from 1 on: `hashes[0]` is of revision 1. */
  hashes: string[] = [];
  /** The fold after each revision; `states[0]` is before the first. */
  states: Job[] = [undefined];
  oracle: Oracle = new Oracle(GRACE_MS);
  /** How many records have been on disk for certain: they are there for ever. */
  owed = 0;
  damage: LogDamage | undefined;
  takeovers = 0;
  #log: Buffer | undefined;
  #position: Position = LOG_START;
  #snapshot: Buffer | undefined;
  readonly #subject: Subject;

  constructor(jobId: string, subject: Subject) {
    this.jobId = jobId;
    this.#subject = subject;
  }

  get job(): Job {
    return this.states.at(-1);
  }

  /** What was on disk when the power failed is there for ever, and so is all before a record that was acknowledged. */
  owe(revisions: number): void {
    this.owed = Math.max(this.owed, revisions);
  }

  get isFinal(): boolean {
    return this.job !== undefined && FINAL_STATUSES.has(this.job.status);
  }

  /**
   * Folds the log with a fresh store, and holds it against its rules, against what it was before, and against the
   * ledger. From its first record on; where all bytes up to the end of the last fold are as they were, from there.
   * `powerFailed`: what was not owed may be gone.
   */
  async look(files: FileStore, ledger: Ledger, { powerFailed, whole }: Look): Promise<void> {
    const log = bytesOf(files, this.jobId, LOG_FILE);
    const same = log === undefined ? this.#log === undefined : this.#log?.equals(log) === true;
    if (same && !whole) return;
    const before = { hashes: this.hashes, stays: powerFailed ? this.owed : this.hashes.length };
    if (powerFailed) this.#snapshot = undefined;
    const { offset } = this.#position;
    const grown =
      log !== undefined && this.#log?.subarray(0, offset).equals(log.subarray(0, offset)) === true;
    if (whole || !grown) this.#forget();
    this.#log = log;
    await this.#foldOn(files, ledger);
    const { hashes } = this;
    promised(hashes.length >= before.stays, () => {
      return `${this.jobId}: revision ${hashes.length + 1} was there, and is gone (${before.stays} are owed)`;
    });
    for (let i = 0; i < before.stays; i += 1) {
      promised(hashes[i] === before.hashes[i], `${this.jobId}: revision ${i + 1} is another one than it was`);
    }
  }

  #forget(): void {
    this.hashes = [];
    this.states = [undefined];
    this.oracle = new Oracle(GRACE_MS);
    this.takeovers = 0;
    this.#position = LOG_START;
  }

  async #foldOn(files: FileStore, ledger: Ledger): Promise<void> {
    this.damage = undefined;
    try {
      for await (const records of files.read(this.jobId, { after: this.#position, strict: true })) {
        for (const record of records) this.#take(record, ledger);
      }
    } catch (error) {
      if (!(error instanceof LogDamage)) throw error;
      this.damage = error;
    }
  }

  #take(record: StoredEvent, ledger: Ledger): void {
    const { revision, hash } = record;
    const event = record.event as unknown as JobEvent;
    const repaired = event.type === 'repaired' && event.actor === REPAIRER;
    promised(repaired || ledger.allows(hash), `${this.jobId}: nobody sent revision ${revision}`);
    const folded = { state: this.job, position: this.#position };
    const { state, position } = foldRecord(this.#subject.model, this.jobId, folded, record);
    this.oracle.take(event);
    if (state !== undefined) this.oracle.agreesWith(state);
    if (event.type === 'lease_acquired' && event.payload.taken_over !== undefined) this.takeovers += 1;
    this.hashes.push(hash);
    this.states.push(state);
    this.#position = position;
  }

  /** What writers were told is on disk is there, once, at its revision, and from now on owed. */
  settle(acknowledged: readonly Acknowledged[]): void {
    for (const { jobId, revision, hash } of acknowledged) {
      if (jobId !== this.jobId) continue;
      promised(
        this.hashes[revision - 1] === hash,
        `${jobId}: revision ${revision} was acknowledged, and is lost`,
      );
      this.owe(revision);
    }
  }

  /** A snapshot that may be used is the fold at its revision. Answers whether there is one. */
  async lookAtSnapshot(files: FileStore, tally: Tally): Promise<boolean> {
    const bytes = bytesOf(files, this.jobId, SNAPSHOT_FILE);
    if (bytes === undefined) return false;
    if (this.#snapshot?.equals(bytes) === true) return true;
    this.#snapshot = bytes;
    const snapshot = await files.loadSnapshot(this.jobId);
    if (snapshot === undefined) return false;
    tally.snapshotsChecked += 1;
    const { revision } = snapshot.position;
    const due = jobToSnapshot(this.states[revision]);
    promised(
      isDeepStrictEqual(snapshot.state, due),
      `${this.jobId}: the snapshot at ${revision} is not the fold`,
    );
    return true;
  }

  /** A job opened by a fresh store, with the snapshot if there is one, is the fold of the whole log. */
  async openedAnew(store: EventStore): Promise<void> {
    const { state, position } = await new StreamHandle(store, this.#subject.model, this.jobId).load();
    promised(
      position.revision === this.hashes.length,
      `${this.jobId}: opened at revision ${position.revision}`,
    );
    promised(isDeepStrictEqual(state, this.job), `${this.jobId}: opened with another state than the fold`);
  }
}
