import { sha256Hex } from '../core/digest.ts';
import { errnoOf, GaitError, ioFailure } from '../core/errors.ts';
import { allBytes, isAnchored, pieces } from './file_bytes.ts';
import { type FileStore, LOG_FILE, SNAPSHOT_FILE } from './file_store.ts';
import type { Fd, FsPort } from './fs/port.ts';
import type { Position, SealedRecord } from './record.ts';

/** What stands in a log after a position. */
export interface Remainder {
  readonly bytes: number;
  /** Lines that end in a newline. */
  readonly lines: number;
}

export interface Cut extends Remainder {
  readonly sha256: string;
  /** The file beside the log that keeps what was cut. */
  readonly keptAs: string;
}

/** What a cut after `keep` would take. Changes nothing. */
export async function remainderAfter(store: FileStore, stream: string, keep: Position): Promise<Remainder> {
  try {
    return await store.file(stream).log.locked('read', (fd, size) => {
      const bytes = readAfter(store.fs, fd, keep, size);
      return { bytes: bytes.length, lines: countLines(bytes) };
    });
  } catch (error) {
    throw ioFailure(error, `examining the log of ${stream}`);
  }
}

/**
 * Cuts a log after `keep`, by putting a file in its place that has only what is kept and, after it, the records that
 * `record` makes of the cut: no record of a log in use is ever cut where it stands, and the log never goes without a
 * word of what was done to it. What is cut is first kept, synced, in a file beside the log whose name has its digest,
 * so that a crash loses nothing and a second try does the same again.
 */
export async function cutAfter(
  store: FileStore,
  stream: string,
  keep: Position,
  record: (cut: Cut) => readonly SealedRecord[] = () => [],
): Promise<Cut> {
  const { fs } = store;
  const { log } = store.file(stream);
  try {
    return await log.locked('update', (fd, size) => {
      if (!isAnchored(fs, fd, keep, size)) throw movedOn(stream);
      const bytes = readAfter(fs, fd, keep, size);
      const sha256 = sha256Hex(bytes);
      const keptAs = `cut-after-${keep.revision}-${sha256.slice(0, 16)}.bin`;
      const cut = { bytes: bytes.length, lines: countLines(bytes), sha256, keptAs };
      const records = record(cut);
      const path = store.path(stream, LOG_FILE);
      writeFile(fs, store.path(stream, keptAs), [bytes]);
      writeFile(fs, `${path}.repaired`, repairedLog(fs, fd, keep, records));
      fs.syncDir(store.dir(stream));
      fs.rename(`${path}.repaired`, path);
      removeIfThere(fs, store.path(stream, SNAPSHOT_FILE));
      fs.syncDir(store.dir(stream));
      return cut;
    });
  } catch (error) {
    throw ioFailure(error, `repairing the log of ${stream}`);
  } finally {
    log.close();
  }
}

/** A snapshot may be of what was cut; the next one is made from what was kept. */
function removeIfThere(fs: FsPort, path: string): void {
  try {
    fs.remove(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function* repairedLog(
  fs: FsPort,
  fd: Fd,
  keep: Position,
  records: readonly SealedRecord[],
): Generator<Buffer> {
  yield* pieces(fs, fd, 0, keep.offset);
  for (const { line } of records) yield line;
}

function readAfter(fs: FsPort, fd: Fd, keep: Position, size: number): Buffer {
  return allBytes(fs, fd, keep.offset, size);
}

function writeFile(fs: FsPort, path: string, content: Iterable<Buffer>): void {
  const fd = fs.open(path, 'create');
  try {
    fs.truncate(fd, 0);
    let at = 0;
    for (const piece of content) {
      for (let done = 0; done < piece.length; ) done += fs.write(fd, piece.subarray(done), at + done);
      at += piece.length;
    }
    fs.sync(fd);
  } finally {
    fs.close(fd);
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines += 1;
  return lines;
}

function movedOn(stream: string): GaitError {
  return new GaitError({
    code: 'log_moved_on',
    category: 'state_contention',
    message: `the log of ${stream} changed while it was being examined`,
    retryable: true,
    hint: 'Run the same command again.',
  });
}
