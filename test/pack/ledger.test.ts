import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { readAll } from '../../src/log/conformance.ts';
import { replay } from '../../src/log/fold.ts';
import { MemoryStore } from '../../src/log/stores/memory_store.ts';
import {
  type BuiltPack,
  decideBuilt,
  LEDGER_STREAM,
  type LedgerState,
  ledgerModel,
  recordBuilt,
} from '../../src/pack/ledger.ts';
import { gaitError } from '../support/refusals.ts';

const NOW = '2026-02-14T00:00:00Z';

function built(changes: Partial<BuiltPack> = {}): BuiltPack {
  return {
    pack_id: 'a'.repeat(64),
    pack_type: 'job',
    source_ref: 'nightly',
    file: 'pack.zip',
    file_sha256: 'b'.repeat(64),
    size: 2348,
    head: { revision: 3, hash: 'c'.repeat(64) },
    ...changes,
  };
}

const OTHER = built({ file_sha256: 'd'.repeat(64) });

function entry(pack: BuiltPack, revision: number): JsonObject {
  return {
    schema_id: 'gait.pack.ledger_event',
    schema_version: '1.0.0',
    created_at: NOW,
    ledger_id: 'packs',
    revision,
    type: 'pack_built',
    actor: 'alice',
    payload: pack as unknown as JsonObject,
  };
}

/** The ledger after these packs, and what the next one adds to it. */
function given(...packs: readonly BuiltPack[]): {
  when(pack: BuiltPack): { adds(...events: JsonObject[]): void };
} {
  const state = packs.reduce<LedgerState>((before, pack) => {
    return decideBuilt(before, pack, 'alice', NOW).events.reduce(ledgerModel.evolve, before);
  }, ledgerModel.initial);
  return {
    when: (pack) => ({
      adds: (...events) => assert.deepEqual(decideBuilt(state, pack, 'alice', NOW), { events }),
    }),
  };
}

describe('a built pack', () => {
  test('is entered', () => given().when(built()).adds(entry(built(), 1)));
  test('is entered once when the same file is built again', () => given(built()).when(built()).adds());
  test('is entered when its bytes are others', () => given(built()).when(OTHER).adds(entry(OTHER, 2)));
  test('is entered when the file has another name', () => {
    const renamed = built({ file: 'copy.zip' });
    given(built()).when(renamed).adds(entry(renamed, 2));
  });
  test('is entered again when another came between', () => {
    given(built(), OTHER).when(built()).adds(entry(built(), 3));
  });
  test('is known by its source: another source between does not matter', () => {
    given(built(), built({ source_ref: 'weekly' }))
      .when(built())
      .adds();
  });
  test('of a run is not that of a job of the same name', () => {
    const run = built({ pack_type: 'run' });
    given(built()).when(run).adds(entry(run, 2));
  });
  test('of a source with an awkward name is known again', () => {
    const awkward = built({ source_ref: '__proto__' });
    given(awkward).when(awkward).adds();
  });
});

describe('the ledger refuses to fold', () => {
  const refused: Record<string, JsonObject> = {
    'a revision out of turn': entry(built(), 2),
    'a type that is not known': { ...entry(built(), 1), type: 'pack_lost' },
    'a member that is not known': { ...entry(built(), 1), mood: 'fine' },
    'a pack without an id': entry(built({ pack_id: '' }), 1),
    'a pack of no bytes': entry(built({ size: 0 }), 1),
  };
  for (const [what, event] of Object.entries(refused)) {
    test(what, () => {
      const fold = (): LedgerState => ledgerModel.evolve(ledgerModel.initial, event);
      assert.throws(fold, gaitError('illegal_event', 'verification_failed'));
    });
  }
});

describe('the snapshot of the ledger', () => {
  test('is the state again', () => {
    const state = ledgerModel.evolve(ledgerModel.initial, entry(built(), 1));
    assert.deepEqual(ledgerModel.snapshot.load(ledgerModel.snapshot.save(state), 'packs', 1), state);
  });

  test('of another version is not used', () => {
    for (const stored of [{}, { revision: 1 }, { revision: '1', latest: {} }, { revision: 1, latest: [] }]) {
      assert.equal(ledgerModel.snapshot.load(stored, 'packs', 1), undefined);
    }
  });
});

describe('recordBuilt', () => {
  test('enters a pack into the stream of packs, chained', async () => {
    const store = new MemoryStore();
    await recordBuilt(store, built(), 'alice', NOW);
    await recordBuilt(store, OTHER, 'alice', NOW);
    assert.deepEqual(await store.list(), [LEDGER_STREAM]);
    const { state, position } = await replay(store, ledgerModel, LEDGER_STREAM);
    assert.deepEqual([state.revision, position.revision], [2, 2]);
  });

  test('of the same file by many at once is one event', async () => {
    const store = new MemoryStore();
    await Promise.all(Array.from({ length: 10 }, () => recordBuilt(store, built(), 'alice', NOW)));
    const events = (await readAll(store, LEDGER_STREAM)).map(({ event }) => event);
    assert.deepEqual(events, [entry(built(), 1)]);
  });

  test('of many files by many at once enters each', async () => {
    const store = new MemoryStore();
    const packs = Array.from({ length: 20 }, (_, i) => built({ source_ref: `job-${i}` }));
    await Promise.all(packs.map((pack) => recordBuilt(store, pack, 'alice', NOW)));
    const { state } = await replay(store, ledgerModel, LEDGER_STREAM);
    assert.equal(state.revision, 20);
    assert.equal(Object.keys(state.latest).length, 20);
  });
});
