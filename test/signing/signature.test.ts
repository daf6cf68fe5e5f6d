import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { keyFileText, keyIdOf } from '../../src/signing/keys.ts';
import { type Signature, signDigest } from '../../src/signing/signature.ts';
import {
  corrupted,
  flipped,
  GOLDEN_KEY_ID,
  GOLDEN_PUBLIC_FILE,
  GOLDEN_SEED,
  keyOfSeed,
  numberedKey,
  trusting,
} from '../support/keys.ts';
import fc from '../support/property.ts';

const KEY = keyOfSeed(GOLDEN_SEED);
const DIGEST = 'cd45b3b446a1492f7100ab46c5dc96c9ebdd456c7cec158cffe893c9a2013e90';

/** artifacts.md §15, the TCK runpack of both versions: [signed_digest, sig]. */
const RUNPACKS = {
  A: [DIGEST, 'YledQ+2U/aM9exM1aoDSLA2jX9XKVNr2SyjwkaCbS5DTl8ICga30q5yNe5fdCOjwCOJR8maHmGRG+8xyCei0DA=='],
  B: [
    'bfc44d15669d560437dbc4e6700b7bd7613a51ab7af196d0521678a39ab38174',
    '39NTdH34aLmE7LLu1U6JvVUzvMAI0rxbe/VtQ9gVz7ZGPNZ0Cw1Hv6+GWpR4v9BaucNvJanRfk4sZjTX9m/MAw==',
  ],
} as const;

/** RFC 8032 §7.1, tests 1 to 3: secret key and public key. */
const RFC_8032 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
  ],
] as const;

describe('golden values', () => {
  test('of the key with the seed 00 … 1f', () => {
    const hex = '03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8';
    assert.equal(KEY.publicKey.toString('hex'), hex);
    assert.equal(KEY.keyId, GOLDEN_KEY_ID);
    assert.equal(keyIdOf(KEY.publicKey), GOLDEN_KEY_ID);
    assert.equal(keyFileText(KEY.publicKey), GOLDEN_PUBLIC_FILE);
    assert.equal(KEY.encoded, Buffer.concat([GOLDEN_SEED, KEY.publicKey]).toString('base64'));
  });

  for (const [version, [digest, sig]] of Object.entries(RUNPACKS)) {
    test(`of the signed runpack of version ${version}`, () => {
      const expected: Signature = { alg: 'ed25519', key_id: GOLDEN_KEY_ID, sig, signed_digest: digest };
      assert.deepEqual(signDigest(digest, KEY), expected);
      assert.equal(trusting(KEY).fault(expected, digest), undefined);
    });
  }

  test('of the keys of RFC 8032', () => {
    for (const [secret, expected] of RFC_8032) {
      assert.equal(keyOfSeed(Buffer.from(secret, 'hex')).publicKey.toString('hex'), expected);
    }
  });
});

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const bit = (of: number) => fc.nat(of * 8 - 1);

describe('any key and digest', () => {
  test('give one signature, which holds', () => {
    fc.assert(
      fc.property(bytes32, bytes32, (seed, message) => {
        const digest = Buffer.from(message).toString('hex');
        const signature = signDigest(digest, keyOfSeed(seed));
        assert.deepEqual(signDigest(digest, keyOfSeed(seed)), signature);
        assert.equal(trusting(keyOfSeed(seed)).fault(signature, digest), undefined);
      }),
      { numRuns: 30 },
    );
  });

  test('one changed bit of the signature, of the digest or of the key id is refused', () => {
    fc.assert(
      fc.property(bytes32, bytes32, bit(64), bit(32), (seed, message, inSig, inHash) => {
        const key = keyOfSeed(seed);
        const trust = trusting(key);
        const digest = Buffer.from(message).toString('hex');
        const signature = signDigest(digest, key);
        const other = flipped(message, inHash).toString('hex');
        const key_id = flipped(Buffer.from(key.keyId, 'hex'), inHash).toString('hex');
        assert.notEqual(trust.fault(corrupted(signature, inSig), digest), undefined);
        assert.notEqual(trust.fault(signature, other), undefined);
        assert.notEqual(trust.fault({ ...signature, signed_digest: other }, digest), undefined);
        assert.notEqual(trust.fault({ ...signature, signed_digest: other }, other), undefined);
        assert.notEqual(trust.fault({ ...signature, key_id }, digest), undefined);
      }),
      { numRuns: 50 },
    );
  });

  test('every bit of a signature matters', () => {
    const trust = trusting(KEY);
    const signature = signDigest(DIGEST, KEY);
    for (let i = 0; i < 512; i += 1) {
      assert.notEqual(trust.fault(corrupted(signature, i), DIGEST), undefined, `bit ${i}`);
    }
  });

  test('the signature of another trusted key does not hold under this id', () => {
    const trust = trusting(KEY, numberedKey(1));
    const signature = signDigest(DIGEST, numberedKey(1));
    assert.equal(trust.fault(signature, DIGEST), undefined);
    assert.notEqual(trust.fault({ ...signature, key_id: KEY.keyId }, DIGEST), undefined);
  });
});

describe('what a signature is checked for, in the order of artifacts.md §2', () => {
  const trust = trusting(KEY);
  const good = signDigest(DIGEST, KEY);
  const { signed_digest: _, ...undated } = good;

  /** Each is wrong in the way that it is named for, and in all ways that come after it. */
  const ORDERED: Record<string, readonly [RegExp, Signature]> = {
    'no signed_digest': [/^missing signed_digest$/, { ...undated, alg: 'rsa', key_id: 'x', sig: '!' }],
    'another signed_digest': [
      /^signed_digest /,
      { alg: 'rsa', key_id: 'x', sig: '!', signed_digest: '0'.repeat(64) },
    ],
    'another algorithm': [/^unsupported alg: rsa$/, { ...good, alg: 'rsa', key_id: 'x', sig: '!' }],
    'an unknown key': [/key.* id x/, { ...good, key_id: 'x', sig: '!' }],
    'no base64': [/base64/, { ...good, sig: '!' }],
  };
  for (const [what, [message, signature]] of Object.entries(ORDERED)) {
    test(what, () => assert.match(trust.fault(signature, DIGEST) ?? 'nothing', message));
  }

  test('an algorithm and a key id are compared letter for letter', () => {
    for (const alg of ['Ed25519', 'ed25519 ', '', 'ed25519ph', 'none']) {
      assert.match(trust.fault({ ...good, alg }, DIGEST) ?? '', /^unsupported alg: /);
    }
    for (const key_id of ['', good.key_id.toUpperCase(), `${good.key_id} `, '__proto__']) {
      assert.notEqual(trust.fault({ ...good, key_id }, DIGEST), undefined, key_id);
    }
    const signed_digest = DIGEST.toUpperCase();
    assert.match(trust.fault({ ...good, signed_digest }, DIGEST) ?? '', /^signed_digest /);
  });

  const raw = Buffer.from(good.sig, 'base64');
  const SPELLINGS: Record<string, string> = {
    nothing: '',
    'no padding': good.sig.replace(/=+$/, ''),
    'padding on top': `${good.sig}=`,
    'the URL alphabet': good.sig.replaceAll('+', '-').replaceAll('/', '_'),
    'a newline behind': `${good.sig}\n`,
    'a space before': ` ${good.sig}`,
    'a newline within': `${good.sig.slice(0, 20)}\n${good.sig.slice(20)}`,
    'junk behind': `${good.sig}AA`,
    'junk within': `${good.sig.slice(0, 20)}*${good.sig.slice(20)}`,
    'spare bits that are not zero': good.sig.replace(/A==$/, 'B=='),
    '63 bytes': raw.subarray(1).toString('base64'),
    '65 bytes': Buffer.concat([raw, Buffer.of(0)]).toString('base64'),
    hexadecimal: raw.toString('hex'),
  };
  for (const [what, sig] of Object.entries(SPELLINGS)) {
    test(`a signature with ${what} is refused as not base64 of 64 bytes`, () => {
      assert.notEqual(sig, good.sig);
      assert.match(trust.fault({ ...good, sig }, DIGEST) ?? 'nothing', /base64/);
    });
  }

  test('S + L, which fulfils the equation as S does, is refused', () => {
    const L = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(raw.subarray(32)).reverse().toString('hex')}`) + L;
    const S = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
    const sig = Buffer.concat([raw.subarray(0, 32), S]).toString('base64');
    assert.notEqual(trust.fault({ ...good, sig }, DIGEST), undefined);
  });

  test('a digest that is no SHA-256 is never signed for', () => {
    for (const digest of ['', DIGEST.slice(2), `${DIGEST}00`, DIGEST.toUpperCase(), 'z'.repeat(64)]) {
      const signature = { ...good, signed_digest: digest };
      assert.notEqual(trust.fault(signature, digest), undefined, digest);
    }
  });

  test('who trusts nobody believes nothing', () => {
    assert.notEqual(trusting().fault(good, DIGEST), undefined);
  });
});
