import { errnoOf, GaitError } from '../core/errors.ts';
import { closeQuietly } from './bytes.ts';
import { ensureDir } from './dirs.ts';
import { LockProof } from './lock_proof.ts';
import type { Fd, FsPort, OpenMode } from './port.ts';

/** `read`: existing, to read. `update`: existing, to read and write. `create`: the same, made if absent. */
export type LogMode = 'read' | 'update' | 'create';

/** How often in a row the log is opened again because another took its place meanwhile. */
export const MAX_REOPENINGS = 16;

export interface LogFileOptions {
  readonly fs: FsPort;
  readonly stream: string;
  /** The folder of the stream; it is made when the log is. */
  readonly dir: string;
  readonly path: string;
  /** How long to wait for the lock. Milliseconds. */
  readonly lockTimeoutMs: number;
  readonly sleep: (ms: number) => Promise<void>;
  /** 0 to 1. */
  readonly random: () => number;
  /** Writes also where a link leads. By default what is written is never behind a link: whoever planted it would say where. */
  readonly throughLinks?: true;
  /** Shared by the logs of a store: it is enough to look once. */
  readonly proof?: LockProof;
}

/** What to do with the open log and its size while the lock is held. */
export type LockedAction<T> = (fd: Fd, size: number) => T;

/** One log file: kept open between uses, and its exclusive lock. */
export class LogFile {
  readonly options: LogFileOptions;
  readonly #proof: LockProof;
  #open: { readonly fd: Fd; readonly mode: LogMode; readonly made: boolean } | undefined;
  #openings = 0;

  constructor(options: LogFileOptions) {
    this.options = options;
    this.#proof = options.proof ?? new LockProof();
  }

  get #existing(): OpenMode {
    return this.options.throughLinks === true ? 'update' : 'direct';
  }

  /** True while the file is open that this made: there was none. */
  get made(): boolean {
    return this.#open?.made === true;
  }

  /** Counts how often the file was opened. What was learned in an earlier opening may be of another file. */
  get opening(): number {
    return this.#openings;
  }

  close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open !== undefined) closeQuietly(this.options.fs, open.fd);
  }

  /** Runs `action` under the lock. Throws `stream_busy` when the lock was not free in time. Milliseconds. */
  async locked<T>(
    mode: LogMode,
    action: LockedAction<T>,
    lockTimeoutMs: number = this.options.lockTimeoutMs,
  ): Promise<T> {
    const { stream, sleep, random } = this.options;
    let waited = 0;
    for (let backoff = 0.5; ; backoff = Math.min(backoff * 2, 8)) {
      const done = this.attempt(mode, action);
      if (done !== undefined) return done.result;
      if (waited >= lockTimeoutMs) throw busy(stream, waited);
      const pause = backoff * (0.5 + random());
      waited += pause;
      await sleep(pause);
    }
  }

  /**
   * One try to take the lock and run `action`; undefined when another has it. Throws `stream_busy` if the log is replaced
   * again and again while it is opened.
   */
  attempt<T>(mode: LogMode, action: LockedAction<T>): { readonly result: T } | undefined {
    const { fs, path, stream } = this.options;
    for (let opened = 0; opened <= MAX_REOPENINGS; opened += 1) {
      const fd = this.#ready(mode);
      try {
        if (!fs.tryLock(fd)) return undefined;
      } catch (error) {
        this.close();
        throw error;
      }
      try {
        if (fs.isAt(fd, path)) {
          if (mode !== 'read') this.#proof.demand(fs, fd, path);
          return { result: action(fd, fs.stat(fd).size) };
        }
      } finally {
        this.#unlock(fd);
      }
      this.close(); // removed, moved or replaced while open: what stands there now is the log
    }
    throw replacedTooOften(stream);
  }

  #ready(mode: LogMode): Fd {
    if (this.#open !== undefined && (mode === 'read' || this.#open.mode !== 'read')) return this.#open.fd;
    this.close();
    this.#open = mode === 'create' ? this.#openOrMake() : this.#opened(mode);
    this.#openings += 1;
    return this.#open.fd;
  }

  #opened(mode: 'read' | 'update'): { fd: Fd; mode: LogMode; made: boolean } {
    const { fs, path } = this.options;
    return { fd: fs.open(path, mode === 'update' ? this.#existing : mode), mode, made: false };
  }

  /** Never through a link that leads nowhere, which would make a file at its other end. */
  #openOrMake(): { fd: Fd; mode: LogMode; made: boolean } {
    const { fs, dir, path } = this.options;
    for (let tries = 1; ; tries += 1) {
      try {
        return { fd: fs.open(path, this.#existing), mode: 'create', made: false };
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error;
      }
      ensureDir(fs, dir);
      try {
        return { fd: fs.open(path, 'new'), mode: 'create', made: true };
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error;
        if (tries === MAX_REOPENINGS) throw leadsNowhere(path); // else another made it first
      }
    }
  }

  #unlock(fd: Fd): void {
    try {
      // The action itself may have closed the file, and so freed the lock.
      if (this.#open?.fd === fd) this.options.fs.unlock(fd);
    } catch {
      this.close(); // closing the file frees the lock as well
    }
  }
}

function leadsNowhere(path: string): Error {
  return Object.assign(new Error(`ELOOP: a link that leads nowhere, open '${path}'`), { code: 'ELOOP' });
}

export function replacedTooOften(stream: string): GaitError {
  return new GaitError({
    code: 'stream_busy',
    category: 'state_contention',
    message: `the log of ${stream} was replaced ${MAX_REOPENINGS} times while it was being opened`,
    retryable: true,
    hint: 'Run the same command again.',
  });
}

function busy(stream: string, waited: number): GaitError {
  return new GaitError({
    code: 'stream_busy',
    category: 'state_contention',
    message: `the log of ${stream} was locked by others for ${Math.round(waited)} ms`,
    retryable: true,
    hint: 'Run the same command again.',
  });
}
