import { timestamp } from '../../src/core/time.ts';
import { interposed } from '../../src/files/faulty.ts';
import type { FsPort } from '../../src/files/port.ts';
import type { SimDisk } from '../../src/files/sim.ts';
import type { JobCommand } from '../../src/job/command.ts';
import { decidedAt } from '../../src/job/decision.ts';
import type { Author } from '../../src/job/jobs.ts';
import type { Job } from '../../src/job/state.ts';
import type { Batch } from '../../src/log/record.ts';
import type { AppendOutcome, EventStore } from '../../src/log/store.ts';
import { FileStore } from '../../src/log/stores/file_store.ts';
import { type Decided, type Executed, StreamHandle } from '../../src/log/stream.ts';
import type { Ledger } from './ledger.ts';
import type { Subject } from './subject.ts';
import type { Tally } from './tally.ts';
import { counts, NO_TROUBLE, type Trouble } from './trouble.ts';

export const ROOT = '/var/gait/jobs';
/** How long an append waits for a lock. Simulated milliseconds. */
const LOCK_TIMEOUT_MS = 40;

const CHANGES: ReadonlySet<keyof FsPort> = new Set(['write', 'truncate', 'rename', 'remove']);

/** What a process has around it. */
export interface Surroundings {
  readonly disk: SimDisk;
  readonly subject: Subject;
  readonly ledger: Ledger;
  readonly tally: Tally;
  /** Milliseconds since 1970, as they truly are. */
  trueTime(): number;
  pass(ms: number): void;
  /** A file is about to change. */
  changing(): void;
  failPower(): void;
  /** Lets another process begin something, now. */
  overlap(): void;
  /** Stops a process until it is told to go on. */
  suspend(process: Process): Promise<void>;
  /** Whether a process that waits for a lock lets others run meanwhile. */
  waits(): boolean;
}

/** A process with a store of its own on the common disk, and a clock that may be wrong. It ends by a kill or with the power. */
export class Process {
  readonly name: string;
  alive = true;
  /** How far its clock is ahead, in milliseconds. */
  offsetMs = 0;
  trouble: Trouble = NO_TROUBLE;
  /** It has a lock, and does not know it yet. */
  stoppedWithLock = false;
  /** Below every gate: what looks at the log and is not part of the play. */
  readonly files: FileStore;
  readonly store: EventStore;
  readonly #around: Surroundings;
  readonly #mount: ReturnType<SimDisk['mount']>;
  readonly #handles = new Map<string, StreamHandle<Job>>();
  #counted = 0;
  #gates = 0;

  constructor(name: string, around: Surroundings) {
    this.name = name;
    this.#around = around;
    this.#mount = around.disk.mount();
    const fs = interposed(this.#mount, (call, make) => this.#call(call, make));
    this.files = new FileStore({
      root: ROOT,
      idField: 'job_id',
      fs: around.subject.disk(fs),
      lockTimeoutMs: LOCK_TIMEOUT_MS,
      sleep: (ms) => this.#sleep(ms),
      random: () => 0.5,
    });
    this.store = around.subject.store(this.#gated(this.files));
  }

  now(): string {
    return timestamp(this.#around.trueTime() + this.offsetMs);
  }

  /** What goes wrong in the next operation. */
  expect(trouble: Trouble): void {
    this.trouble = trouble;
    this.#counted = 0;
    this.#gates = 0;
  }

  handle(jobId: string): StreamHandle<Job> {
    const handle =
      this.#handles.get(jobId) ?? new StreamHandle(this.store, this.#around.subject.model, jobId);
    this.#handles.set(jobId, handle);
    return handle;
  }

  execute(jobId: string, author: Author, command: JobCommand): Promise<Executed<Job>> {
    const { decide } = this.#around.subject;
    return this.handle(jobId).execute(
      (job): Decided => decide(job, command, { jobId, now: decidedAt(job, this.now()), ...author }),
    );
  }

  kill(): void {
    if (!this.alive) return;
    this.alive = false;
    this.#mount.kill();
  }

  #call(name: keyof FsPort, make: () => unknown): unknown {
    if (!this.alive) throw gone(name);
    if (CHANGES.has(name)) this.#around.changing();
    const { trouble } = this;
    if (trouble.kind === 'stopped with the lock' && name === 'tryLock') return this.#lockAndStop(make);
    if (!('of' in trouble) || !counts(trouble, name)) return make();
    this.#counted += 1;
    if (this.#counted === trouble.at) return this.#disturb(trouble, name, make);
    if (this.#counted > trouble.at && trouble.kind === 'io error' && trouble.lasting)
      throw failed(trouble, name);
    return make();
  }

  #disturb(trouble: Trouble, name: keyof FsPort, make: () => unknown): unknown {
    const { tally } = this.#around;
    if (trouble.kind === 'io error') {
      tally.ioErrors += 1;
      if (trouble.after) make();
      throw failed(trouble, name);
    }
    if (trouble.kind === 'killed') {
      tally.processesKilled += 1;
      this.kill();
    }
    if (trouble.kind === 'power failure') {
      this.alive = false;
      this.#around.failPower();
    }
    if (trouble.kind === 'overlapped') this.#around.overlap();
    if (trouble.kind === 'slow') {
      tally.slowCalls += 1;
      this.#around.pass(trouble.ms);
    }
    if (!this.alive) throw gone(name);
    return make();
  }

  /** The disk gives it the lock, and it hears of it only once it goes on. */
  #lockAndStop(lock: () => unknown): boolean {
    if (lock() === true) this.stoppedWithLock = true;
    return false;
  }

  async #sleep(ms: number): Promise<void> {
    if (!this.alive) return;
    this.#around.pass(Math.ceil(ms));
    if (this.stoppedWithLock) {
      this.#around.tally.stoppedWithLock += 1;
      await this.#around.suspend(this);
      this.stoppedWithLock = false;
      this.trouble = NO_TROUBLE;
    } else if (this.#around.waits()) {
      await this.#around.suspend(this);
    }
  }

  /** Where a process can be stopped between what it learned and what it does with it. */
  #gate(): Promise<void> | undefined {
    this.#gates += 1;
    const { trouble } = this;
    if (!this.alive || trouble.kind !== 'suspended' || trouble.at !== this.#gates) return undefined;
    this.#around.tally.suspended += 1;
    return this.#around.suspend(this);
  }

  #gated(store: FileStore): EventStore {
    const gate = (): Promise<void> | undefined => this.#gate();
    return {
      append: async (batch) => {
        const stop = gate();
        if (stop !== undefined) await stop;
        const outcome = await this.#append(store, batch);
        const again = gate();
        if (again !== undefined) await again;
        return outcome;
      },
      async *read(stream, options) {
        const stop = gate();
        if (stop !== undefined) await stop;
        yield* store.read(stream, options);
      },
      list: () => store.list(),
      loadSnapshot: (stream) => store.loadSnapshot(stream),
      saveSnapshot: async (stream, snapshot) => {
        const stop = gate();
        if (stop !== undefined) await stop;
        await store.saveSnapshot(stream, snapshot);
      },
      close: () => store.close(),
    };
  }

  async #append(store: FileStore, batch: Batch): Promise<AppendOutcome> {
    const { ledger, tally } = this.#around;
    ledger.sent(batch);
    let outcome: AppendOutcome;
    try {
      outcome = await store.append(batch);
    } catch (error) {
      ledger.settled(batch, this.alive ? 'rejected' : 'unknown');
      throw error;
    }
    ledger.settled(batch, outcome);
    if (outcome.status === 'committed') tally.acknowledged += batch.records.length;
    if (outcome.status === 'conflict') tally.conflicts += 1;
    if (outcome.status === 'unknown') tally.unknown += 1;
    return outcome;
  }
}

function gone(name: string): Error {
  return Object.assign(new Error(`EIO: the process has ended, at ${name}`), { code: 'EIO' });
}

function failed({ errno }: Trouble & { kind: 'io error' }, name: string): Error {
  return Object.assign(new Error(`${errno}: simulated, at ${name}`), { code: errno });
}
