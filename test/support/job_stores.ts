import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, manualClock } from '../../src/core/clock.ts';
import { ioFailure } from '../../src/core/errors.ts';
import type { EventStore, ReadOptions } from '../../src/log/store.ts';
import { FileStore } from '../../src/log/stores/file_store.ts';
import { MemoryStore } from '../../src/log/stores/memory_store.ts';

/** The streams of one test: every store that it opens shows the same. */
export interface JobStores {
  open(): EventStore;
  dispose(): Promise<void>;
}

export function memoryStores(): JobStores {
  const store = new MemoryStore();
  return { open: () => store, dispose: async () => {} };
}

export interface FileStores extends JobStores {
  readonly root: string;
  open(): FileStore;
}

/** Each store opened has its own lock on the same folder, as another process would. */
export async function fileStores(): Promise<FileStores> {
  const root = await mkdtemp(join(tmpdir(), 'gait-jobs-'));
  const opened: FileStore[] = [];
  return {
    root,
    open() {
      const store = new FileStore({ root: join(root, 'jobs'), idField: 'job_id' });
      opened.push(store);
      return store;
    },
    async dispose() {
      for (const store of opened) await store.close();
      await rm(root, { recursive: true });
    },
  };
}

/** A store on a disk that has no room for the next append after `fillUp`. */
export function filling(store: EventStore): EventStore & { fillUp(): void } {
  let full = false;
  return {
    ...passingOn(store),
    fillUp() {
      full = true;
    },
    async append(batch) {
      if (!full) return store.append(batch);
      full = false;
      throw ioFailure(Object.assign(new Error('no space'), { code: 'ENOSPC' }), 'in a test');
    },
  };
}

/** A store that notes from which revision on it was read. */
export function noting(store: EventStore): EventStore & { readonly readAfter: number[] } {
  const readAfter: number[] = [];
  return {
    ...passingOn(store),
    readAfter,
    read(stream: string, options: ReadOptions = {}) {
      readAfter.push(options.after?.revision ?? 0);
      return store.read(stream, options);
    },
  };
}

/** The same store, to be spread into one that does some call in another way. */
export function passingOn(store: EventStore): EventStore {
  return {
    append: (batch) => store.append(batch),
    read: (stream, options) => store.read(stream, options),
    list: () => store.list(),
    loadSnapshot: (stream) => store.loadSnapshot(stream),
    saveSnapshot: (stream, snapshot) => store.saveSnapshot(stream, snapshot),
    close: () => store.close(),
  };
}

export function testClock(): Clock {
  return manualClock(Date.UTC(2026, 1, 14));
}
