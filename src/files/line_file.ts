import { dirname } from 'node:path';
import { errnoOf, ioFailure } from '../core/errors.ts';
import { allBytes } from './bytes.ts';
import { LogFile } from './locked_file.ts';
import { nodeFs } from './node.ts';
import type { Fd, FsPort } from './port.ts';
import { replaceFile } from './replace.ts';

/** What to do to a file of lines: add to its end, or put other lines in its place. Neither: nothing is written. */
export interface LineChange<T> {
  readonly append?: Buffer;
  readonly replace?: Buffer;
  readonly result: T;
}

export interface LineFileOptions {
  readonly path: string;
  readonly fs?: FsPort;
  /** How long to wait for the lock. Milliseconds. */
  readonly lockTimeoutMs?: number;
}

const LOCK_TIMEOUT_MS = 10_000;

/**
 * A file of lines that many processes read and append to, for formats that are not ours to chain. It has of the log
 * what does not depend on the form of a record: the lock, one write and one sync per append, and that bytes after the
 * last newline were never acknowledged: nobody reads them, and the next writer cuts them off.
 */
export class LineFile {
  readonly #log: LogFile;
  readonly #fs: FsPort;
  readonly #path: string;
  /** The directory was synced since this was made. */
  #named = false;

  constructor({ path, fs = nodeFs, lockTimeoutMs = LOCK_TIMEOUT_MS }: LineFileOptions) {
    this.#fs = fs;
    this.#path = path;
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const place = { stream: path, dir: dirname(path), path };
    this.#log = new LogFile({ fs, ...place, lockTimeoutMs, sleep, random: Math.random, throughLinks: true });
  }

  /** Its whole lines, as they are now; undefined if there is no such file. */
  async read(): Promise<Buffer | undefined> {
    try {
      return await this.#log.locked('read', (fd, size) => this.#read(fd, size).lines);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw ioFailure(error, `reading ${this.#path}`);
    } finally {
      this.#log.close();
    }
  }

  /**
   * Decides on the lines that are there, and on what stands behind the last of them, under the lock, and writes what was decided. An append is on disk before this
   * returns; a replacement takes the old file's place in one step. `create` makes the file if it is absent.
   */
  async change<T>(
    mode: 'update' | 'create',
    decide: (lines: Buffer, tail: Buffer) => LineChange<T>,
  ): Promise<T> {
    try {
      return await this.#log.locked(mode, (fd, size) => {
        const { lines, tail } = this.#read(fd, size);
        const { append, replace, result } = decide(lines, tail);
        if (replace !== undefined) this.#replace(fd, replace);
        else if (append !== undefined) this.#append(fd, lines.length, size, append);
        return result;
      });
    } catch (error) {
      throw ioFailure(error, `writing ${this.#path}`);
    } finally {
      this.#log.close();
    }
  }

  #read(fd: Fd, size: number): { readonly lines: Buffer; readonly tail: Buffer } {
    const bytes = allBytes(this.#fs, fd, 0, size);
    const end = bytes.lastIndexOf(10) + 1;
    return { lines: bytes.subarray(0, end), tail: bytes.subarray(end) };
  }

  #append(fd: Fd, end: number, size: number, bytes: Buffer): void {
    const fs = this.#fs;
    if (size > end) fs.truncate(fd, end);
    try {
      for (let done = 0; done < bytes.length; ) done += fs.write(fd, bytes.subarray(done), end + done);
      fs.sync(fd);
      // The name is on disk too: whoever made or replaced the file may have died before it was.
      if (!this.#named) fs.syncDir(dirname(this.#path));
      this.#named = true;
    } catch (error) {
      fs.truncate(fd, end);
      throw error;
    }
  }

  #replace(fd: Fd, bytes: Buffer): void {
    // Not its mode: a ring of keys that others could read is theirs no more once it is written.
    replaceFile(this.#fs, this.#path, [bytes], { like: fd, likeMode: false });
    this.#fs.syncDir(dirname(this.#path));
  }
}
