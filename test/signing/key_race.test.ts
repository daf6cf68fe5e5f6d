import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type KeyPaths, readPrivateKey, readPublicKey } from '../../src/signing/key_files.ts';
import { keyIdOf } from '../../src/signing/keys.ts';
import { type Race, race, roundPaths } from './race.ts';

/** The ids of the two halves on disk, and what else lies there. */
function onDisk({ privateKey, publicKey }: KeyPaths): { ids: string[]; files: number } {
  const ids = [readPrivateKey(privateKey).key.keyId, keyIdOf(readPublicKey(publicKey))];
  return { ids, files: readdirSync(dirname(privateKey)).length };
}

/** Races, then looks at every round: the answers of the threads, and the id of the pair, which must be whole. */
async function raced(
  how: Race['how'],
  look: (answers: readonly string[], keyId: string, round: number) => void,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'gait-keys-'));
  try {
    for (const [round, answers] of (await race(dir, how)).entries()) {
      const { ids, files } = onDisk(roundPaths(dir, round));
      assert.equal(ids[0], ids[1], `round ${round}: the halves are of different pairs`);
      assert.equal(files, 2, `round ${round}: nothing else is left behind`);
      look(answers, ids[0] ?? '', round);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test('of all who make a new pair at once one makes it, and the others are told that there is one', () =>
  raced('new', (answers, keyId, round) => {
    const others = answers.filter((answer) => answer !== keyId);
    assert.deepEqual(others, Array(answers.length - 1).fill('key_exists'), `round ${round}`);
  }));

test('of all who replace a pair at once one leaves its pair, whole', () =>
  raced('force', (answers, keyId, round) => {
    assert.ok(answers.includes(keyId), `round ${round}`);
  }));

test('all who ask for the kept key at once get the same key', () =>
  raced('kept', (answers, keyId, round) => {
    assert.deepEqual(answers, Array(answers.length).fill(keyId), `round ${round}`);
  }));
