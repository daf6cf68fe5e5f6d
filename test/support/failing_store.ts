import { ioFailure } from '../../src/core/errors.ts';
import type { EventStore } from '../../src/log/store.ts';

/** Which calls of a store fail now. */
export interface Trouble {
  append: boolean;
  list: boolean;
  read: boolean;
  /** An append that is made, and whose error hides that. */
  appendAfter: boolean;
}

/** A store whose calls fail while the test says so, as a disk does that is full, or away for a moment. */
export function failingStore(inner: EventStore): { readonly store: EventStore; readonly trouble: Trouble } {
  const trouble: Trouble = { append: false, list: false, read: false, appendAfter: false };
  const fail = (errno: string): never => {
    throw ioFailure(Object.assign(new Error(`${errno}: injected`), { code: errno }), 'in a call of the test');
  };
  const store: EventStore = {
    append: async (batch) => {
      if (trouble.append) fail('ENOSPC');
      const outcome = await inner.append(batch);
      if (!trouble.appendAfter) return outcome;
      return { status: 'unknown', hashes: batch.records.map(({ hash }) => hash), cause: new Error('EIO') };
    },
    async *read(stream, options) {
      if (trouble.read) fail('EACCES');
      yield* inner.read(stream, options);
    },
    list: async () => {
      if (trouble.list) fail('EMFILE');
      return inner.list();
    },
    loadSnapshot: (stream) => inner.loadSnapshot(stream),
    saveSnapshot: (stream, snapshot) => inner.saveSnapshot(stream, snapshot),
    close: () => inner.close(),
  };
  return { store, trouble };
}
