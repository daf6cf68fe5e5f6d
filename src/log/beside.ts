import { join } from 'node:path';
import { errnoOf, type GaitError, invalidInput } from '../core/errors.ts';
import { closeQuietly, isAbsent, wholeFile } from '../files/bytes.ts';
import type { Fd, FsPort } from '../files/port.ts';
import { firstEvent, isAnchored, revisionEndingAt } from './anchor.ts';
import { cutRevision } from './cut_name.ts';
import { type IdField, isStreamId, LogDamage, type Position } from './record.ts';
import { MAX_SNAPSHOT_BYTES, parseSnapshot, SNAPSHOT_FILE } from './snapshot.ts';
import type { KeptCut, Snapshot } from './store.ts';
import { LISTING_FILE, LOG_FILE, MAX_LISTING_BYTES } from './stores/file_shortcuts.ts';
import { ListingCache } from './stores/listing_cache.ts';

/** A revision that a log had, and what says so. */
export interface Remembered {
  readonly revision: number;
  readonly says: string;
}

const NOTHING: Remembered = { revision: 0, says: '' };

/** What lies beside the log of a stream, and what that tells of the log. */
export class Beside {
  readonly #fs: FsPort;
  readonly #root: string;
  readonly #stream: string;
  readonly #idField: IdField;
  #compared: { readonly stamp: string; readonly offset: number } | undefined;

  constructor(place: { fs: FsPort; root: string; stream: string; idField: IdField }) {
    this.#fs = place.fs;
    this.#root = place.root;
    this.#stream = place.stream;
    this.#idField = place.idField;
  }

  /** What is in the snapshot file, whether or not the log has its record. Its digest holds, and it is of this stream. */
  snapshot(): Snapshot | undefined {
    const bytes = wholeFile(this.#fs, this.#path(SNAPSHOT_FILE), MAX_SNAPSHOT_BYTES);
    return bytes === undefined ? undefined : parseSnapshot(bytes, this.#stream);
  }

  /** What repairs cut and kept. */
  cuts(names: readonly string[] = this.#names()): readonly KeptCut[] {
    return [...names].sort().flatMap((name) => {
      const revision = cutRevision(name);
      const bytes = revision === undefined ? undefined : this.#sizeOf(name);
      return revision === undefined || bytes === undefined ? [] : [{ name, revision, bytes }];
    });
  }

  /**
   * The log had at least this revision. `listed`: a row in the listing counts too, if there is a log. It is read only for
   * one without any record, since it is as long as there are streams.
   */
  remembered(listed: boolean): Remembered {
    const snapshot = this.#credible();
    const names = this.#names();
    const least = leastCut(this.cuts(names));
    const known = snapshot === undefined ? NOTHING : ofSnapshot(snapshot);
    if (least !== undefined && least.revision > known.revision) return least;
    if (known.revision > 0 || !listed || !names.includes(LOG_FILE)) return known;
    const listing = wholeFile(this.#fs, join(this.#root, LISTING_FILE), MAX_LISTING_BYTES);
    if (listing === undefined || !ListingCache.mentions(listing, this.#stream)) return NOTHING;
    return { revision: 1, says: `${LISTING_FILE} has a row of it` }; // which is made only of what has a record
  }

  /**
   * As {@link lostAfter} for a log that has records, and without a look at what was compared before and is the same yet.
   * Appends ask it each time.
   */
  newlyLostAfter(end: Position): LogDamage | undefined {
    const stamp = this.snapshotStamp();
    if (this.isCompared(stamp, end)) return undefined;
    const lost = this.lostAfter(end, false);
    if (lost === undefined) this.noteCompared(stamp);
    return lost;
  }

  /** What tells the snapshot file from another one in its place. Undefined if it cannot be told. */
  snapshotStamp(): string | undefined {
    try {
      return JSON.stringify(this.#fs.stampOf?.(this.#path(SNAPSHOT_FILE)) ?? null);
    } catch {
      return undefined;
    }
  }

  /** A log that ends here was, or would have been, compared with the snapshot of this stamp. */
  isCompared(stamp: string | undefined, end: Position): boolean {
    return stamp !== undefined && this.#compared?.stamp === stamp && end.offset >= this.#compared.offset;
  }

  /** The log does not end before the snapshot of this stamp. */
  noteCompared(stamp: string | undefined): void {
    if (stamp === undefined) return;
    this.#compared = { stamp, offset: this.snapshot()?.position.offset ?? 0 };
  }

  lostAfter(end: Position, listed: boolean = end.revision === 0): LogDamage | undefined {
    const { revision, says } = this.remembered(listed);
    if (revision <= end.revision) return undefined;
    const where = { stream: this.#stream, revision: end.revision + 1, offset: end.offset };
    return new LogDamage(where, 'records_lost', `it ends at revision ${end.revision}, and ${says}`);
  }

  /** What to say of damage: `stream_id_case` if the log is that of another id, which this file system takes for the same. */
  explained(fd: Fd, damage: LogDamage): GaitError {
    if (damage.damage !== 'misplaced' || damage.revision !== 1) return damage;
    const name = firstEvent(this.#fs, fd)?.[this.#idField];
    if (typeof name !== 'string' || name === this.#stream || !isStreamId(name)) return damage;
    if (name.toLowerCase() !== this.#stream.toLowerCase()) return damage;
    if (!this.#fs.isAt(fd, join(this.#root, name, LOG_FILE))) return damage; // a copy
    return invalidInput(
      'stream_id_case',
      `${this.#stream} is called ${name} here: this file system takes both for the same name`,
      `Use the id ${name}, or another one.`,
      { stream: this.#stream, called: name },
    );
  }

  /** The snapshot, unless the log has its record and that is of another revision: then it is made up. */
  #credible(): Snapshot | undefined {
    const snapshot = this.snapshot();
    if (snapshot === undefined) return undefined;
    const { revision, offset } = snapshot.position;
    try {
      const fd = this.#fs.open(this.#path(LOG_FILE), 'read');
      try {
        if (!isAnchored(this.#fs, fd, snapshot.position, this.#fs.stat(fd).size)) return snapshot;
        return revisionEndingAt(this.#fs, fd, offset) === revision ? snapshot : undefined;
      } finally {
        closeQuietly(this.#fs, fd);
      }
    } catch (error) {
      if (isAbsent(error)) return snapshot;
      throw error;
    }
  }

  #names(): string[] {
    try {
      return this.#fs.names(join(this.#root, this.#stream));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'EACCES') return [];
      throw error;
    }
  }

  /** Undefined for what no repair made: a folder, a link, a pipe, whoever put it there. */
  #sizeOf(name: string): number | undefined {
    try {
      const fd = this.#fs.open(this.#path(name), 'plain');
      try {
        return this.#fs.stat(fd).size;
      } finally {
        closeQuietly(this.#fs, fd);
      }
    } catch (error) {
      if (errnoOf(error) === 'EIO') throw error;
      return undefined;
    }
  }

  #path(name: string): string {
    return join(this.#root, this.#stream, name);
  }
}

/**
 * Of several repairs none says which was the last. Each left a log with at least the revision in its name, so the least
 * of these is one that the log has had ever since.
 */
function leastCut(cuts: readonly KeptCut[]): Remembered | undefined {
  let least: Remembered | undefined;
  for (const { name, revision } of cuts) {
    if (revision < (least?.revision ?? Number.POSITIVE_INFINITY)) {
      least = { revision, says: `${name} was cut after revision ${revision}` };
    }
  }
  return least;
}

function ofSnapshot({ position: { revision } }: Snapshot): Remembered {
  return { revision, says: `its snapshot is of revision ${revision}` };
}
