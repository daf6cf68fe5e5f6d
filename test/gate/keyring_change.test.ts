import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { timestamp } from '../../src/core/time.ts';
import { added, keyByPrefix, keyStatus, revoked } from '../../src/signing/keyring_change.ts';
import {
  EMPTY_KEYRING,
  type KeyringEntry,
  keyringText,
  MAX_KEYS,
  parseKeyring,
} from '../../src/signing/keyring_file.ts';
import { signDigest } from '../../src/signing/signature.ts';
import { entryOf, ringOf } from '../support/keyrings.ts';
import { numberedKey } from '../support/keys.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

const NOW = '2026-06-01T12:00:00Z';
const lost = (n: number): KeyringEntry =>
  entryOf(n, { revoked_at: NOW, revoked_reason: 'lost', revoked_by: 'bob' });

describe('adding a key', () => {
  test('puts it in its place, its lists in order, whatever the order of adding', () => {
    const keys = [1, 2, 3, 4].map((n) =>
      entryOf(n, { purposes: ['pack', 'gate'], identities: ['bob', 'alice'] }),
    );
    const forth = keys.reduce(added, EMPTY_KEYRING);
    assert.equal(keyringText(forth), keyringText([...keys].reverse().reduce(added, EMPTY_KEYRING)));
    const ids = forth.keys.map(({ key_id }) => key_id);
    assert.deepEqual(ids, [...ids].sort());
    for (const { purposes, identities } of forth.keys) {
      assert.deepEqual(
        [purposes, identities],
        [
          ['gate', 'pack'],
          ['alice', 'bob'],
        ],
      );
    }
  });

  test('that is there changes nothing when it says the same, whoever says it and when', () => {
    const document = added(EMPTY_KEYRING, entryOf(1, { purposes: ['gate', 'pack'], identities: ['b', 'a'] }));
    const again = entryOf(1, {
      ...{ purposes: ['pack', 'gate'], identities: ['a', 'b'] },
      ...{ added_at: NOW, added_by: 'bob' },
    });
    assert.equal(added(document, again), document);
  });

  const OTHER: Readonly<Record<string, Partial<KeyringEntry>>> = {
    'more purposes': { purposes: ['pack', 'gate'] },
    'another purpose': { purposes: ['gate'] },
    'an identity': { identities: ['alice'] },
    'an end': { not_after: NOW },
    'a beginning': { not_before: NOW },
    'a note': { note: 'x' },
  };
  for (const [what, changes] of Object.entries(OTHER)) {
    test(`that is there is refused with ${what}: key_known`, () => {
      const document = ringOf(entryOf(1));
      assert.throws(() => added(document, entryOf(1, changes)), gaitError('key_known', 'invalid_input'));
    });
  }

  test('that was revoked is refused for ever, even as it was before: key_revoked', () => {
    for (const entry of [entryOf(1), lost(1), entryOf(1, { purposes: ['gate'] })]) {
      assert.throws(() => added(ringOf(lost(1)), entry), gaitError('key_revoked', 'invalid_input'));
    }
  });

  test('that no ring may hold is refused before anything else', () => {
    const unsound = [
      entryOf(1, { added_by: '' }),
      entryOf(1, { identities: ['a\u0000'] }),
      entryOf(1, { not_before: NOW, not_after: NOW }),
      { ...entryOf(1), key_id: entryOf(2).key_id },
    ];
    for (const entry of unsound) {
      assert.throws(() => added(ringOf(lost(1)), entry), gaitError('keyring_invalid', 'invalid_input'));
    }
    assert.throws(() => added(EMPTY_KEYRING, entryOf(1, { note: 'a\nb' })), /\/note is not one line of text/);
  });

  test('to a full ring is refused: keyring_full', () => {
    const full = ringOf(...Array(MAX_KEYS).fill(entryOf(2)));
    assert.throws(() => added(full, entryOf(1)), gaitError('keyring_full', 'invalid_input'));
  });
});

describe('revoking a key', () => {
  const document = ringOf(entryOf(1), entryOf(2, { note: 'x' }));
  const { key_id } = entryOf(2);

  test('says when, why and by whom, and leaves the rest as it is', () => {
    const after = revoked(document, key_id, NOW, 'lost', 'bob');
    assert.deepEqual(after, ringOf(entryOf(1), { ...lost(2), note: 'x' }));
    parseKeyring(Buffer.from(keyringText(after)), 'a test');
  });

  test('again changes nothing for the same reason, and is refused for another', () => {
    const after = revoked(document, key_id, NOW, 'lost', 'bob');
    assert.equal(revoked(after, key_id, '2027-01-01T00:00:00Z', 'lost', 'carol'), after);
    assert.throws(() => revoked(after, key_id, NOW, 'stolen', 'bob'), gaitError('key_revoked'));
  });

  test('that is not there, or for no reason, is refused', () => {
    const { key_id: other } = entryOf(3);
    assert.throws(
      () => revoked(document, other, NOW, 'lost', 'bob'),
      gaitError('key_unknown', 'invalid_input'),
    );
    for (const [reason, by] of [
      ['', 'bob'],
      ['lost', ''],
      ['x'.repeat(513), 'bob'],
    ] as const) {
      assert.throws(() => revoked(document, key_id, NOW, reason, by), gaitError('keyring_invalid'));
    }
  });
});

describe('a key is named', () => {
  const id = 'ab'.repeat(32);
  const near = `${'ab'.repeat(5)}${'00'.repeat(27)}`;
  const document = ringOf({ ...entryOf(1), key_id: id }, { ...entryOf(2), key_id: near });

  test('by its id or by digits with which no other begins', () => {
    for (const prefix of [id, id.slice(0, 11)]) assert.equal(keyByPrefix(document, prefix).key_id, id);
    assert.equal(keyByPrefix(document, near.slice(0, 11)).key_id, near);
  });

  const CODES: Readonly<Record<string, string>> = {
    [id.slice(0, 8)]: 'key_ambiguous',
    [id.slice(0, 10)]: 'key_ambiguous',
    [id.slice(0, 7)]: 'flag_value_invalid',
    '': 'flag_value_invalid',
    [id.toUpperCase()]: 'flag_value_invalid',
    [`${id}0`]: 'flag_value_invalid',
    '01234567': 'key_unknown',
  };
  for (const [prefix, code] of Object.entries(CODES)) {
    test(`not by ${JSON.stringify(prefix)}: ${code}`, () => {
      assert.throws(() => keyByPrefix(document, prefix), gaitError(code, 'invalid_input'));
    });
  }
});

test('the status of a key is what its ring makes of a signature', () => {
  const digest = 'ab'.repeat(32);
  const day = (n: number): string => timestamp(n * 86_400_000);
  fc.assert(
    fc.property(
      fc.nat(5),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      fc.nat(9),
      (from, length, gone, today) => {
        const times = { not_before: day(from), not_after: day(from + length) };
        const entry = { ...(gone ? lost(1) : entryOf(1)), ...times };
        const ring = parseKeyring(Buffer.from(keyringText(ringOf(entry))), 'a test');
        const signer = ring.signer(signDigest(digest, numberedKey(1)), digest, 'pack', day(today));
        const status = keyStatus(entry, day(today));
        assert.equal(status === 'valid', 'keyId' in signer);
        assert.equal(status === 'revoked', 'revoked' in signer);
        if (!gone) assert.equal(status === 'not_yet_valid', today < from);
      },
    ),
    { numRuns: 100 },
  );
});
