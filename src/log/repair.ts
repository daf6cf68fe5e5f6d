import { errnoOf, GaitError, ioFailure } from '../core/errors.ts';
import { closeQuietly, pieces } from '../files/bytes.ts';
import { nameForKept } from '../files/kept_file.ts';
import type { Fd, FsPort } from '../files/port.ts';
import { prepareFile, removeIfThere, writeNew } from '../files/replace.ts';
import { isAnchored } from './anchor.ts';
import { cutStem } from './cut_name.ts';
import { LeftReader, type LeftRecord, type Remainder } from './left.ts';
import { GENESIS_HASH, type Position, type SealedRecord, type StoredEvent } from './record.ts';
import { LogScanner } from './scan.ts';
import { type FileStore, LOG_FILE, SNAPSHOT_FILE } from './stores/file_store.ts';
import { repairUnconfirmed } from './unconfirmed.ts';

export type { LeftRecord, Remainder };

export interface Cut extends Remainder {
  /** The file beside the log that keeps what was cut. */
  readonly keptAs: string;
}

/** The fold's word on the first record behind what is kept, if the record itself is sound. */
export type IsDamaged = (record: StoredEvent) => boolean;

/** An open log whose lock is held, and the end of what a repair of it keeps. */
interface Held {
  readonly store: FileStore;
  readonly stream: string;
  readonly fd: Fd;
  readonly size: number;
  readonly keep: Position;
}

/**
 * What a cut after `keep` would take; undefined if there is no damage there (any more). The log may also end there,
 * before what lies beside it: then 0 bytes are damage. `visit` sees each record that is left. Changes nothing, and holds
 * no more than a few lines of the log in memory. Throws `log_moved_on` if no record ends at `keep`.
 */
export async function remainderAfter(
  store: FileStore,
  stream: string,
  keep: Position,
  isDamaged: IsDamaged,
  visit?: (left: LeftRecord) => void,
): Promise<Remainder | undefined> {
  try {
    return await store.file(stream).log.locked('read', (fd, size) => {
      const held = { store, stream, fd, size, keep };
      return faultBehind(held, isDamaged) === undefined ? undefined : remainderOf(held, visit);
    });
  } catch (error) {
    throw ioFailure(error, `examining the log of ${stream}`);
  }
}

/**
 * Cuts a log after `keep`, by putting a file in its place that has only what is kept and, after it, the records that
 * `record` makes of the cut: no record of a log in use is ever cut where it stands, and the log never goes without a
 * word of what was done to it. Cuts only the damage that was `shown`: throws `log_moved_on` if it is not there any more,
 * or has other bytes behind it. What is cut is first kept, synced, in a file beside the log whose name has its digest, so
 * that a crash loses nothing and a second try does the same again. Throws `log_is_link` (unsafe_operation).
 */
export async function cutAfter(
  store: FileStore,
  stream: string,
  keep: Position,
  shown: Remainder,
  isDamaged: IsDamaged,
  record: (cut: Cut) => readonly SealedRecord[] = () => [],
): Promise<Cut> {
  const { log } = store.file(stream);
  try {
    return await log.locked('update', (fd, size) => {
      refuseLink(store.fs, store.path(stream, LOG_FILE));
      const held = { store, stream, fd, size, keep };
      const fault = faultBehind(held, isDamaged);
      const left = remainderOf(held);
      if (fault === undefined || left.bytes !== shown.bytes || left.sha256 !== shown.sha256)
        throw movedOn(stream);
      const stem = cutStem(keep.revision, left.sha256);
      const { name, there } = nameForKept(store.fs, store.dir(stream), stem, left.bytes, left.sha256);
      const cut = { ...left, keptAs: name };
      const records = record(cut);
      if (!there) writeNew(store.fs, store.path(stream, name), behind(held), { like: fd });
      replaceLog(held, fault, records);
      return cut;
    });
  } catch (error) {
    throw ioFailure(error, `repairing the log of ${stream}`);
  } finally {
    log.close();
  }
}

/** `lost`: the log is sound, but it ends before what lies beside it. */
type Fault = 'damaged' | 'lost';

function faultBehind({ store, stream, fd, size, keep }: Held, isDamaged: IsDamaged): Fault | undefined {
  const { fs, idField } = store;
  if (!isAnchored(fs, fd, keep, size)) throw movedOn(stream);
  const scanner = new LogScanner({ stream, idField, strict: true }, keep);
  for (const piece of pieces(fs, fd, keep.offset, size)) {
    const records: StoredEvent[] = [];
    const damage = scanner.collect(piece, records);
    const [first] = records;
    if (first !== undefined) return isDamaged(first) ? 'damaged' : undefined;
    if (damage !== undefined) return 'damaged';
  }
  if (scanner.tailDamage() !== undefined) return 'damaged';
  return store.file(stream).beside.lostAfter(keep) === undefined ? undefined : 'lost';
}

function remainderOf(held: Held, visit?: (left: LeftRecord) => void): Remainder {
  const { store, stream, keep } = held;
  const reader = new LeftReader({ stream, idField: store.idField, hash: keep.hash }, visit);
  for (const piece of behind(held)) reader.push(piece);
  return reader.end();
}

function behind({ store, fd, size, keep }: Held): Generator<Buffer> {
  return pieces(store.fs, fd, keep.offset, size);
}

/**
 * No crash leaves a snapshot that is ahead of a repaired log: it goes before. One that tells of lost records goes after,
 * since until the log says that they are lost, nothing else does.
 */
function replaceLog(held: Held, fault: Fault, records: readonly SealedRecord[]): void {
  const { store, stream, fd } = held;
  const { fs } = store;
  const path = store.path(stream, LOG_FILE);
  const repaired = prepareFile(fs, path, repairedLog(held, records), { like: fd });
  if (fault === 'damaged') removeIfThere(fs, store.path(stream, SNAPSHOT_FILE));
  fs.syncDir(store.dir(stream));
  fs.rename(repaired, path);
  try {
    fs.syncDir(store.dir(stream));
    if (fault === 'damaged') return;
    removeIfThere(fs, store.path(stream, SNAPSHOT_FILE));
    fs.syncDir(store.dir(stream));
  } catch (cause) {
    throw repairUnconfirmed(stream, cause);
  }
}

/** The records in a file that an earlier repair cut and kept. Changes nothing. */
export function readKept(
  store: FileStore,
  stream: string,
  name: string,
  visit: (left: LeftRecord) => void,
): void {
  const { fs, idField } = store;
  const fd = fs.open(store.path(stream, name), 'read');
  try {
    const reader = new LeftReader({ stream, idField, hash: GENESIS_HASH }, visit);
    for (const piece of pieces(fs, fd, 0, fs.stat(fd).size)) reader.push(piece);
  } catch (error) {
    throw ioFailure(error, `reading ${name}`);
  } finally {
    closeQuietly(fs, fd);
  }
}

function* repairedLog({ store, fd, keep }: Held, records: readonly SealedRecord[]): Generator<Buffer> {
  yield* pieces(store.fs, fd, 0, keep.offset);
  for (const { line } of records) yield line;
}

function refuseLink(fs: FsPort, path: string): void {
  try {
    fs.close(fs.open(path, 'plain'));
  } catch (error) {
    if (errnoOf(error) !== 'ELOOP') throw error;
    throw new GaitError({
      code: 'log_is_link',
      category: 'unsafe_operation',
      message: `${path} is a symbolic link: a repair would put a file in its place`,
      hint: 'Put the log itself there, then run the same command again.',
      details: { path },
    });
  }
}

export function movedOn(stream: string): GaitError {
  return new GaitError({
    code: 'log_moved_on',
    category: 'state_contention',
    message: `the log of ${stream} changed while it was being examined`,
    retryable: true,
    hint: 'Run the same command again.',
  });
}
