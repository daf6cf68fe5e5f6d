import { appendFileSync } from 'node:fs';
import { GaitError } from '../../src/core/errors.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { FsPort } from '../../src/files/port.ts';
import type { SimDisk } from '../../src/files/sim.ts';
import { sampleBatch } from '../../src/log/conformance.ts';
import type { StreamModel } from '../../src/log/fold.ts';
import type { FileStore } from '../../src/log/stores/file_store.ts';
import { type RowView, StreamListing } from '../../src/log/stores/listing.ts';
import { StreamHandle } from '../../src/log/stream.ts';
import { ID_FIELD, openStore, ROOT } from './streams.ts';

/** What the last event of a stream says, and how many there are. */
export interface Last {
  readonly revision: number;
  readonly note: string;
}

export const ILLEGAL = '!';

export const lastModel: StreamModel<Last> = {
  idField: ID_FIELD,
  initial: { revision: 0, note: '' },
  evolve({ revision }, event) {
    if (event['note'] === ILLEGAL) throw new Error('an illegal event');
    return { revision: revision + 1, note: String(event['note']) };
  },
  snapshot: {
    save: (state) => ({ ...state }),
    load: (stored) => stored as unknown as Last,
  },
};

export const lastView: RowView<Last, Last> = {
  version: 'test 1',
  rowOf: (state) => (state.revision === 0 ? undefined : state),
  save: (row) => ({ ...row }),
  load: (_, saved) => saved as unknown as Last,
};

export const CACHE_PATH: string = `${ROOT}/.listing.json`;

export function logPath(stream: string): string {
  return `${ROOT}/${stream}/log.ndjson`;
}

/** A process of its own on this disk, by whose clock logs count as settled. */
export function storeOn(disk: SimDisk, fs: FsPort = disk.mount()): FileStore {
  return openStore(fs, { lockTimeoutMs: 20, nowMs: () => disk.nowMs });
}

/** A listing that keeps its cache however little is in it. */
export function listingOf(store: FileStore, view: RowView<Last, Last> = lastView): StreamListing<Last, Last> {
  return new StreamListing(store, lastModel, view, 1);
}

export type Shown = readonly [stream: string, row: JsonObject | string];

/** The rows, and for what cannot be read the message. */
export async function rowsOf(listing: StreamListing<Last, Last>): Promise<Shown[]> {
  const all: Shown[] = [];
  for await (const group of listing.groups()) {
    for (const { stream, row } of group)
      all.push([stream, row instanceof GaitError ? row.message : { ...row }]);
  }
  return all;
}

/** What a listing has to show: every stream read by itself, with nothing kept. */
export async function truthOf(store: FileStore, streams: readonly string[]): Promise<Shown[]> {
  const all: Shown[] = [];
  for (const stream of [...streams].sort()) {
    try {
      const { state } = await new StreamHandle(store, lastModel, stream).load();
      if (state.revision > 0) all.push([stream, { ...state }]);
    } catch (error) {
      if (!(error instanceof GaitError)) throw error;
      all.push([stream, error.message]);
    }
  }
  return all;
}

/** The bytes of a log of one event. Those of notes of the same length are of the same size. */
export function logOfOne(stream: string, note: string): Buffer {
  return Buffer.concat(sampleBatch(stream, 'none', 1, note).records.map(({ line }) => line));
}

/** A line that is no record, at the end of a log on the real disk. */
export function appendDamage(path: string): void {
  appendFileSync(path, 'no record\n');
}
