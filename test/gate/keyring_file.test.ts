import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonicalize, parseCanonical } from '../../src/core/canonical.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import { GaitError } from '../../src/core/errors.ts';
import type { Json } from '../../src/core/json.ts';
import { KEY_PURPOSES, Keyring } from '../../src/signing/keyring.ts';
import {
  type KeyringDocument,
  keyringText,
  MAX_KEYRING_BYTES,
  MAX_KEYS,
  parseKeyring,
  parseKeyringDocument,
} from '../../src/signing/keyring_file.ts';
import { signDigest } from '../../src/signing/signature.ts';
import { jsonValue } from '../support/json.ts';
import { entryOf, ringOf } from '../support/keyrings.ts';
import { numberedKey } from '../support/keys.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

const NOW = '2026-06-01T12:00:00Z';
const DIGEST = 'ab'.repeat(32);

function bytesOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

const FULL = entryOf(3, {
  purposes: ['gate', 'approver'],
  identities: ['alice', 'spiffe://example.org/ci'],
  not_before: '2026-01-01T00:00:00Z',
  not_after: '2027-01-01T00:00:00.5Z',
  revoked_at: '2026-03-01T00:00:00Z',
  revoked_reason: 'laptop lost',
  revoked_by: 'bob',
  note: 'schlüssel 🔑',
});

describe('a keyring file', () => {
  test('is canonical JSON with a line for each key, sorted by id', () => {
    const text = keyringText(ringOf(FULL, entryOf(1), entryOf(2)));
    const flat = text.replaceAll('\n', '');
    const document = parseCanonical(Buffer.from(flat)) as unknown as KeyringDocument;
    const ids = [1, 2, 3].map((n) => numberedKey(n).keyId).sort();
    assert.deepEqual(
      document.keys.map(({ key_id }) => key_id),
      ids,
    );
    const lines = text.split('\n');
    assert.deepEqual([lines.length, lines[0], lines.at(-1)], [6, '{"keys":[', '']);
    for (const [i, id] of ids.entries()) assert.ok(lines[i + 1]?.includes(id));
  });

  test('says the same when it was written and read again', () => {
    for (const keys of [[], [entryOf(1)], [FULL, entryOf(2)]]) {
      const text = keyringText(ringOf(...keys));
      const read = parseKeyringDocument(Buffer.from(text), 'a test');
      assert.equal(keyringText(read), text);
      assert.deepEqual(
        new Set(read.keys.map((key) => canonicalize(key))),
        new Set(keys.map((key) => canonicalize(key))),
      );
    }
  });

  test('is read as the ring that it says, in any order and spelling of JSON', () => {
    const valid = { not_before: '2026-06-01T00:00:00Z', not_after: '2026-07-01T00:00:00Z' };
    const keys = [entryOf(2, { ...valid, purposes: ['approver'], identities: ['bob'] }), FULL, entryOf(1)];
    const ring = parseKeyring(Buffer.from(JSON.stringify(ringOf(...keys), null, 2)), 'ring.json');
    assert.deepEqual([ring.size, ...KEY_PURPOSES.map((one) => ring.count(one))], [3, 1, 2, 0, 1]);
    const ask = (n: number, purpose: 'pack' | 'approver', now: string) =>
      ring.signer(signDigest(DIGEST, numberedKey(n)), DIGEST, purpose, now);
    assert.deepEqual(ask(2, 'approver', NOW), {
      ...{ keyId: numberedKey(2).keyId, identities: ['bob'], names: ['bob'] },
    });
    for (const now of ['2026-05-31T23:59:59Z', valid.not_after]) {
      assert.match(JSON.stringify(ask(2, 'approver', now)), /is not valid at/);
    }
    assert.match(JSON.stringify(ask(3, 'approver', NOW)), /is revoked/);
    assert.ok('keyId' in ask(1, 'pack', NOW));
  });
});

const one = entryOf(1);
const weak = Buffer.alloc(32);

/** What no reader takes for a keyring, and where the fault is. */
const REFUSED: Readonly<Record<string, readonly [value: unknown, place: string]>> = {
  'a list': [[], ''],
  'another schema': [{ ...ringOf(), schema_id: 'gait.trust.keys' }, '/schema_id'],
  'a later version': [{ ...ringOf(), schema_version: '2.0.0' }, '/schema_version'],
  'no version': [{ schema_id: 'gait.trust.keyring', keys: [] }, ''],
  'no keys': [{ schema_id: 'gait.trust.keyring', schema_version: '1.0.0' }, ''],
  'an unknown member': [{ ...ringOf(), more: 1 }, ''],
  'an unknown member of a key': [ringOf(one, { ...entryOf(2), expires: NOW } as never), '/keys/1'],
  'a key without a purpose': [ringOf(entryOf(1, { purposes: [] })), '/keys/0/purposes'],
  'an unknown purpose': [ringOf(entryOf(1, { purposes: ['all'] as never })), '/keys/0/purposes/0'],
  'a purpose twice': [ringOf(entryOf(1, { purposes: ['pack', 'pack'] })), '/keys/0/purposes'],
  nobody: [ringOf(entryOf(1, { identities: [] })), '/keys/0/identities'],
  'an identity that cannot be told from another': [
    ringOf(entryOf(1, { identities: ['ali\u200bce'] })),
    '/keys/0/identities/0',
  ],
  'an identity with space around it': [
    ringOf(entryOf(1, { identities: ['alice '] })),
    '/keys/0/identities/0',
  ],
  'a lone surrogate': [ringOf(entryOf(1, { note: 'a\ud800' })), '/keys/0/note'],
  'a note of two lines': [ringOf(entryOf(1, { note: 'a\nb' })), '/keys/0/note'],
  'an id of another key': [ringOf(one, { ...entryOf(2), key_id: entryOf(3).key_id }), '/keys/1'],
  'an id in capitals': [ringOf({ ...one, key_id: one.key_id.toUpperCase() }), '/keys/0/key_id'],
  'the same key twice': [ringOf(one, entryOf(2), entryOf(1, { purposes: ['gate'] })), '/keys/2'],
  'a key of small order': [
    ringOf(one, { ...one, key_id: sha256Hex(weak), public_key: weak.toString('base64') }),
    '/keys/1',
  ],
  'a key in another spelling of base64': [
    ringOf({ ...one, public_key: one.public_key.replace(/.=$/, (end) => (end === 'B=' ? 'C=' : 'B=')) }),
    '/keys/0',
  ],
  'a short key': [ringOf({ ...one, public_key: 'AAAA' }), '/keys/0/public_key'],
  'a time with an offset': [
    ringOf(entryOf(1, { not_after: '2026-01-01T00:00:00+00:00' })),
    '/keys/0/not_after',
  ],
  'a day that does not exist': [ringOf(entryOf(1, { not_before: '2026-02-30T00:00:00Z' })), '/keys/0'],
  'a revocation on such a day': [
    ringOf(entryOf(1, { revoked_at: '2026-02-30T00:00:00Z', revoked_reason: 'x' })),
    '/keys/0',
  ],
  'an addition on such a day': [ringOf(entryOf(1, { added_at: '2026-02-30T00:00:00Z' })), '/keys/0'],
  'an end before the beginning': [
    ringOf(entryOf(1, { not_before: NOW, not_after: '2026-01-01T00:00:00Z' })),
    '/keys/0',
  ],
  'an end at the beginning': [ringOf(entryOf(1, { not_before: NOW, not_after: NOW })), '/keys/0'],
  'a revocation without a reason': [ringOf(entryOf(1, { revoked_at: NOW })), '/keys/0'],
  'a reason without a revocation': [ringOf(entryOf(1, { revoked_reason: 'lost' })), '/keys/0'],
  'nobody who added it': [ringOf({ ...one, added_by: '' }), '/keys/0/added_by'],
  'more keys than a ring may have': [ringOf(...Array(MAX_KEYS + 1).fill(one)), '/keys'],
};

describe('a keyring file is refused with', () => {
  for (const [what, [value, place]] of Object.entries(REFUSED)) {
    test(`${what}, at ${place || 'the document'}`, () => {
      assert.throws(
        () => parseKeyring(bytesOf(value), 'ring.json'),
        (error) => {
          gaitError('keyring_invalid', 'invalid_input')(error);
          assert.ok(error instanceof GaitError && error.hint !== undefined);
          assert.deepEqual(error.details, { place });
          assert.ok(error.message.startsWith('ring.json: ') && error.message.includes(place), error.message);
          return true;
        },
      );
    });
  }

  const TEXTS: Readonly<Record<string, string>> = {
    '': 'json_malformed',
    '{"keys":[': 'json_malformed',
    '{"keys":[],"keys":[],"schema_id":"gait.trust.keyring","schema_version":"1.0.0"}': 'json_ambiguous',
    '\ufeff{}': 'json_malformed',
  };
  for (const [text, code] of Object.entries(TEXTS)) {
    test(`the text ${JSON.stringify(text)}: ${code}`, () => {
      assert.throws(() => parseKeyring(Buffer.from(text), 'ring.json'), gaitError(code, 'invalid_input'));
    });
  }
});

describe('any file at all', () => {
  const answers = (bytes: Buffer): boolean => {
    try {
      return parseKeyring(bytes, 'a test') instanceof Keyring;
    } catch (error) {
      assert.ok(error instanceof GaitError, String(error));
      assert.equal(error.category, 'invalid_input');
      return false;
    }
  };

  test('is a ring or a typed error: bytes, JSON, and keyrings with a member changed', () => {
    const member = fc.constantFrom(...Object.keys(FULL));
    const changed = fc
      .record({ member, value: jsonValue(), left: fc.boolean() })
      .map(({ member: name, value, left }) => {
        const { [name as keyof typeof FULL]: _, ...rest } = FULL;
        return bytesOf(ringOf(entryOf(1), (left ? rest : { ...rest, [name]: value }) as typeof FULL));
      });
    const json = jsonValue().map((value: Json) => bytesOf(value));
    const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(fc.oneof(changed, changed, json, bytes), (file) => void answers(file)),
      { numRuns: 400 },
    );
  });

  const OPTIONAL: readonly string[] = ['identities', 'not_before', 'not_after', 'revoked_by', 'note'];
  for (const name of Object.keys(FULL)) {
    const may = OPTIONAL.includes(name);
    test(`without the ${name} of a key is ${may ? 'a ring' : 'refused'}`, () => {
      const { [name as keyof typeof FULL]: _, ...rest } = FULL;
      assert.equal(answers(bytesOf(ringOf(entryOf(1), rest as typeof FULL))), may);
    });
  }

  test('with one bit turned is the same ring, another that is sound, or refused', () => {
    const text = Buffer.from(keyringText(ringOf(FULL, entryOf(1))));
    fc.assert(
      fc.property(fc.nat(text.length * 8 - 1), (bit) => {
        const copy = Buffer.from(text);
        copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        answers(copy);
      }),
      { numRuns: 300 },
    );
  });
});

test('the largest ring there can be is within what is read of a file', () => {
  const wide = (n: number): string => '🔑'.repeat(n);
  const largest = entryOf(1, {
    purposes: KEY_PURPOSES,
    identities: Array.from({ length: 16 }, (_, i) => `${wide(254)}${i + 10}`),
    ...{ not_before: '2026-01-01T00:00:00.123456789Z', not_after: '2027-01-01T00:00:00.123456789Z' },
    ...{ revoked_at: '2026-01-01T00:00:00.123456789Z', revoked_reason: wide(512), revoked_by: wide(512) },
    ...{ added_at: '2026-01-01T00:00:00.123456789Z', added_by: wide(512), note: wide(512) },
  });
  parseKeyring(bytesOf(ringOf(largest)), 'a test');
  assert.ok((canonicalize(largest).length * 2 + 2) * MAX_KEYS < MAX_KEYRING_BYTES);
});
