import { timestamp } from '../../../src/core/time.ts';
import { interposed } from '../../../src/files/faulty.ts';
import type { FsPort } from '../../../src/files/port.ts';
import type { SimDisk } from '../../../src/files/sim.ts';
import type { Batch, Position } from '../../../src/log/record.ts';
import type { AppendOutcome, EventStore } from '../../../src/log/store.ts';
import { FileStore } from '../../../src/log/stores/file_store.ts';
import type { RunSubject } from './subject.ts';
import type { Tally } from './tally.ts';
import type { VirtualTime } from './virtual_time.ts';
import { WatchedJobs } from './watched_jobs.ts';

export const ROOT = '/var/gait/jobs';
const START = Date.UTC(2026, 1, 14);

/** Calls that fail while a machine cannot read, or cannot write. */
const READS: ReadonlySet<keyof FsPort> = new Set(['open', 'read', 'stat', 'names']);
const WRITES: ReadonlySet<keyof FsPort> = new Set(['write', 'sync', 'truncate', 'rename']);
const CHANGES: ReadonlySet<keyof FsPort> = new Set(['write', 'truncate', 'rename', 'remove']);

/** Where processes run: one clock that may be wrong, one way to the disk that may fail. */
export interface Machine {
  readonly name: string;
  /** How far its clock is ahead. Milliseconds. */
  offsetMs: number;
  failing: 'reads' | 'writes' | undefined;
  /** When something last failed here, was slow or stood still: what its processes know may be as old. */
  disturbedAt: number;
}

/** What a process has around it, and who is told of what it does. */
export interface Surroundings {
  readonly time: VirtualTime;
  readonly disk: SimDisk;
  readonly subject: RunSubject;
  readonly tally: Tally;
  /** How long a call of the store takes. Milliseconds, mostly 0. */
  latency(host: Host): number;
  changing(): void;
  committed(host: Host, batch: Batch): void;
  told(batch: Batch): void;
  /** What a process was shown of a job that had been told `known` of it before it asked. */
  shown(host: Host, jobId: string, known: Known | undefined, position: Position): void;
  /** A process asks to renew a lease; `over`: its time is. */
  renews(host: Host, jobId: string, token: number, over: boolean): void;
}

/** The last record of a job that a process was told is on disk. */
export type Known = Pick<Position, 'revision' | 'hash'>;

interface Timer {
  readonly act: () => void;
  at: number;
  late: boolean;
  cancel: () => void;
}

/**
 * A process that can be stopped and killed. Stopped, it does nothing; what was due meanwhile comes when it goes on: at once,
 * as timers of a monotonic clock do, or, for `work` that has to be done, as much later as it stood still.
 */
export class Host {
  readonly name: string;
  readonly machine: Machine;
  readonly files: FileStore;
  readonly store: EventStore;
  readonly jobs: WatchedJobs;
  alive: boolean = true;
  frozen: boolean = false;
  /** How long it stood still so far. */
  stoodMs: number = 0;
  readonly #around: Surroundings;
  readonly #kind: 'process' | 'work';
  readonly #mount: ReturnType<SimDisk['mount']>;
  readonly #timers = new Set<Timer>();
  #frozenAt = 0;

  constructor(name: string, machine: Machine, around: Surroundings, kind: 'process' | 'work' = 'process') {
    this.name = name;
    this.machine = machine;
    this.#around = around;
    this.#kind = kind;
    this.#mount = around.disk.mount();
    this.files = new FileStore({
      root: ROOT,
      idField: 'job_id',
      fs: interposed(this.#mount, (call, make) => this.#call(call, make)),
      lockTimeoutMs: 40,
      sleep: (ms) => this.sleep(ms),
      nowMs: () => START + around.time.now,
      random: () => 0.5,
    });
    this.store = this.#slow(this.files);
    this.jobs = new WatchedJobs(this, around, this.store);
  }

  now(): string {
    return timestamp(START + this.#around.time.now + this.machine.offsetMs);
  }

  /** Answers what undoes it. */
  after(ms: number, act: () => void): () => void {
    const timer: Timer = { act, at: this.#around.time.now + ms, late: false, cancel: () => {} };
    this.#timers.add(timer);
    this.#schedule(timer);
    return () => {
      timer.cancel();
      this.#timers.delete(timer);
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const undo = this.after(ms, () => {
        signal?.removeEventListener('abort', wake);
        resolve();
      });
      const wake = (): void => {
        undo();
        resolve();
      };
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  freeze(): void {
    if (this.frozen || !this.alive) return;
    this.frozen = true;
    this.#frozenAt = this.#around.time.now;
  }

  thaw(): void {
    if (!this.frozen || !this.alive) return;
    this.frozen = false;
    const stood = this.#around.time.now - this.#frozenAt;
    this.stoodMs += stood;
    const timers = [...this.#timers].sort((a, b) => a.at - b.at);
    for (const timer of timers) {
      if (this.#kind === 'work') timer.at = Math.max(timer.at, this.#frozenAt) + stood;
      else if (!timer.late) continue;
      timer.late = false;
      this.#schedule(timer);
    }
  }

  kill(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const { cancel } of this.#timers) cancel();
    this.#timers.clear();
    this.#mount.kill();
  }

  #schedule(timer: Timer): void {
    timer.cancel();
    timer.cancel = this.#around.time.at(timer.at, () => this.#fire(timer));
  }

  #fire(timer: Timer): void {
    if (this.frozen) {
      timer.late = true;
      return;
    }
    this.#timers.delete(timer);
    timer.act();
  }

  #call(name: keyof FsPort, make: () => unknown): unknown {
    if (!this.alive) throw failed('EIO', `the process has ended, at ${name}`);
    const { failing } = this.machine;
    if ((failing === 'reads' && READS.has(name)) || (failing === 'writes' && WRITES.has(name))) {
      this.#around.tally.ioErrors += 1;
      throw failed(failing === 'reads' ? 'EACCES' : 'ENOSPC', `simulated, at ${name}`);
    }
    if (CHANGES.has(name)) this.#around.changing();
    return make();
  }

  /** Each call of the store takes its time, before it is done and after, so that others come between. */
  #slow(store: FileStore): EventStore {
    const wait = (): Promise<void> | undefined => {
      const ms = this.#around.latency(this);
      if (ms === 0) return undefined;
      this.machine.disturbedAt = this.#around.time.now + ms;
      return this.sleep(ms);
    };
    return {
      append: async (batch) => {
        await wait();
        const outcome = await this.#append(store, batch);
        await wait();
        if (outcome.status === 'committed') this.#told(batch);
        return outcome;
      },
      async *read(stream, options) {
        await wait();
        yield* store.read(stream, options);
      },
      list: () => store.list(),
      loadSnapshot: (stream) => store.loadSnapshot(stream),
      saveSnapshot: (stream, snapshot) => store.saveSnapshot(stream, snapshot),
      assertNoneLost: (stream, end) => store.assertNoneLost(stream, end),
      confirms: (stream, position) => store.confirms(stream, position),
      shortcuts: store.shortcuts,
      close: () => store.close(),
    };
  }

  async #append(store: FileStore, batch: Batch): Promise<AppendOutcome> {
    const outcome = await store.append(batch);
    if (outcome.status === 'committed') this.#around.committed(this, batch);
    return outcome;
  }

  #told(batch: Batch): void {
    if (this.alive) this.#around.told(batch);
  }
}

function failed(errno: string, what: string): Error {
  return Object.assign(new Error(`${errno}: ${what}`), { code: errno });
}
