import { dirname } from 'node:path';
import { errnoOf } from '../../src/core/errors.ts';
import type { Fd, FsPort } from '../../src/files/port.ts';
import type { SimDisk } from '../../src/files/sim.ts';
import { readAll, sampleBatch } from '../../src/log/conformance.ts';
import { type Batch, type Expected, LogDamage } from '../../src/log/record.ts';
import type { ReadOptions } from '../../src/log/store.ts';
import { FileStore, type FileStoreOptions } from '../../src/log/stores/file_store.ts';

export const ID_FIELD = 'stream_id';
export const STREAM = 's';
/** None of these folders is there at first, so that the first append has to make all of them last. */
export const ROOT = '/var/gait/streams';
export const LOG_PATH: string = `${ROOT}/${STREAM}/log.ndjson`;

export function openStore(fs: FsPort, options: Partial<FileStoreOptions> = {}): FileStore {
  return new FileStore({ root: ROOT, idField: ID_FIELD, fs, sleep: async () => {}, ...options });
}

/** A fresh process on this disk. */
export function reopen(disk: SimDisk): FileStore {
  return openStore(disk.mount(), { lockTimeoutMs: 20 });
}

/** A batch of `count` events on `expected`; `note` tells it from others. */
export function batchOn(expected: Expected, note: string, count = 1): Batch {
  return sampleBatch(STREAM, expected, count, note);
}

export function textsOf(batch: Batch): string[] {
  return batch.records.map(({ text }) => text);
}

export async function history(store: FileStore, options: { strict?: boolean } = {}): Promise<string[]> {
  const { texts, damage } = await readUntilDamage(store, options);
  if (damage !== undefined) throw damage;
  return texts;
}

/** What can be read, and the damage that ended it. */
export async function readUntilDamage(
  store: FileStore,
  options: ReadOptions = {},
): Promise<{ texts: string[]; damage?: LogDamage }> {
  const texts: string[] = [];
  try {
    for await (const records of store.read(STREAM, options)) texts.push(...records.map(({ text }) => text));
    return { texts };
  } catch (error) {
    if (error instanceof LogDamage) return { texts, damage: error };
    throw error;
  }
}

export async function headOf(store: FileStore): Promise<Expected> {
  const last = (await readAll(store, STREAM)).at(-1);
  return last === undefined ? 'none' : { revision: last.revision, hash: last.hash };
}

/** Appends `count` batches of one event each, and answers the batches. Throws unless each is committed. */
export async function commit(store: FileStore, count: number, note = 'old'): Promise<Batch[]> {
  const batches: Batch[] = [];
  let head = await headOf(store);
  for (let i = 0; i < count; i += 1) {
    const batch = batchOn(head, `${note} ${i}`);
    const { status } = await store.append(batch);
    if (status !== 'committed') throw new Error(`append ${i} was answered ${status}`);
    head = batch.head;
    batches.push(batch);
  }
  return batches;
}

export function bytesAt(fs: FsPort, path: string): Buffer {
  const fd = fs.open(path, 'read');
  const bytes = Buffer.alloc(fs.stat(fd).size);
  fs.read(fd, bytes, 0);
  fs.close(fd);
  return bytes;
}

/** Makes these bytes the durable content of a file, in a folder that is there. */
export function putBytes(fs: FsPort, path: string, bytes: Uint8Array): void {
  const fd = openOrMake(fs, path);
  fs.truncate(fd, 0);
  fs.write(fd, bytes, 0);
  fs.sync(fd);
  fs.close(fd);
  fs.syncDir(dirname(path));
}

function openOrMake(fs: FsPort, path: string): Fd {
  try {
    return fs.open(path, 'update');
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return fs.open(path, 'new');
  }
}

export function addBytes(disk: SimDisk, bytes: Uint8Array): void {
  const fs = disk.mount();
  putBytes(fs, LOG_PATH, Buffer.concat([bytesAt(fs, LOG_PATH), bytes]));
}
