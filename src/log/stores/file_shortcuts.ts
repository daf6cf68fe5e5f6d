import { join, sep } from 'node:path';
import { errnoOf, ioFailure } from '../../core/errors.ts';
import { closeQuietly, wholeFile } from '../../files/bytes.ts';
import type { FsPort } from '../../files/port.ts';
import { replaceFile } from '../../files/replace.ts';
import { isStreamId } from '../record.ts';
import type { Shortcuts, StreamStamp } from '../store.ts';

export const LOG_FILE = 'log.ndjson';
export const LISTING_FILE = '.listing.json';

/** A larger cache is not read: of a million streams it has less. Bytes. */
export const MAX_LISTING_BYTES: number = 512 * 1024 * 1024;

/** Coarser than the clock of any file system in use (FAT counts in steps of two seconds). */
const SETTLED_MS = 2000;

const SHORT_BYTES = 64 * 1024;
const short = Buffer.allocUnsafeSlow(SHORT_BYTES);

/** What the files under a root tell without being read as streams. */
export class ListingIndexFiles implements Shortcuts {
  readonly #fs: FsPort;
  readonly #root: string;
  readonly #nowMs: () => number;

  constructor(fs: FsPort, root: string, nowMs: () => number) {
    this.#fs = fs;
    this.#root = root;
    this.#nowMs = nowMs;
  }

  names(): readonly string[] {
    try {
      return this.#fs.names(this.#root).filter(isStreamId).sort();
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw ioFailure(error, `listing ${this.#root}`);
    }
  }

  stamp(stream: string): StreamStamp | undefined {
    const now = this.#nowMs(); // before the look at the file: a change that comes between makes it newer than this
    const stamp = this.#fs.stampOf?.(this.#logOf(stream));
    if (stamp === undefined || stamp.changedMs >= now - SETTLED_MS) return undefined;
    return [stamp.size, stamp.inode, stamp.changedMs];
  }

  shortLog(stream: string): Buffer | undefined {
    try {
      const fd = this.#fs.open(this.#logOf(stream), 'read');
      try {
        const count = this.#fs.read(fd, short, 0);
        return count < SHORT_BYTES ? short.subarray(0, count) : undefined;
      } finally {
        closeQuietly(this.#fs, fd);
      }
    } catch {
      return undefined;
    }
  }

  loadListing(): Buffer | undefined {
    return wholeFile(this.#fs, join(this.#root, LISTING_FILE), MAX_LISTING_BYTES);
  }

  saveListing(bytes: Buffer): void {
    try {
      // It says something of all jobs, also of those that the group of a shared folder may not read.
      // Not synced: what a crash spoils is not usable, and nothing is lost with it.
      replaceFile(this.#fs, join(this.#root, LISTING_FILE), [bytes], { synced: false, ownersOnly: true });
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }

  #logOf(stream: string): string {
    return `${this.#root}${sep}${stream}${sep}${LOG_FILE}`;
  }
}
