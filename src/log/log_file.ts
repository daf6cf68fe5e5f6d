import { GaitError } from '../core/errors.ts';
import { closeQuietly } from './file_bytes.ts';
import { ensureDir } from './fs/dirs.ts';
import type { Fd, FsPort, OpenMode } from './fs/port.ts';

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
}

/** What to do with the open log and its size while the lock is held. */
export type LockedAction<T> = (fd: Fd, size: number) => T;

/** One log file: kept open between uses, and its exclusive lock. */
export class LogFile {
  readonly options: LogFileOptions;
  #open: { readonly fd: Fd; readonly mode: OpenMode } | undefined;
  #openings = 0;

  constructor(options: LogFileOptions) {
    this.options = options;
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

  /** Runs `action` under the lock. Throws `stream_busy` when the lock was not free in time. */
  async locked<T>(mode: OpenMode, action: LockedAction<T>): Promise<T> {
    const { stream, lockTimeoutMs, sleep, random } = this.options;
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

  /** One try to take the lock and run `action`; undefined when another has it. */
  attempt<T>(mode: OpenMode, action: LockedAction<T>): { readonly result: T } | undefined {
    const { fs, path } = this.options;
    for (;;) {
      const fd = this.#ready(mode);
      try {
        if (!fs.tryLock(fd)) return undefined;
      } catch (error) {
        this.close();
        throw error;
      }
      try {
        if (fs.isAt(fd, path)) return { result: action(fd, fs.stat(fd).size) };
      } finally {
        this.#unlock(fd);
      }
      this.close(); // removed, moved or replaced while open: what stands there now is the log
    }
  }

  #ready(mode: OpenMode): Fd {
    if (this.#open !== undefined && (mode === 'read' || this.#open.mode !== 'read')) return this.#open.fd;
    this.close();
    const { fs, dir, path } = this.options;
    if (mode === 'create') ensureDir(fs, dir);
    const fd = fs.open(path, mode);
    this.#open = { fd, mode };
    this.#openings += 1;
    return fd;
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

function busy(stream: string, waited: number): GaitError {
  return new GaitError({
    code: 'stream_busy',
    category: 'state_contention',
    message: `the log of ${stream} was locked by others for ${Math.round(waited)} ms`,
    retryable: true,
    hint: 'Run the same command again.',
  });
}
