import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify as opensslVerify } from 'node:crypto';
import { describe, test } from 'node:test';
import { verify as nobleVerify, Point } from '@noble/ed25519';
import { keyIdOf } from '../../src/signing/keys.ts';
import { signDigest } from '../../src/signing/signature.ts';
import { TrustSet } from '../../src/signing/trust.ts';
import { corrupted, flipped, keyOfSeed, numberedKey, trusting } from '../support/keys.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** The points whose order divides the cofactor 8: what a signature over them proves is nothing. */
const SMALL_ORDER: Record<string, string> = {
  'the identity': `01${'00'.repeat(31)}`,
  'order 2': `ec${'ff'.repeat(30)}7f`,
  'order 4': '00'.repeat(32),
  'order 4, negative': `${'00'.repeat(31)}80`,
  'order 8, first': '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'order 8, second': '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'order 8, third': 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'order 8, fourth': 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
};

/** The 32 bytes of y and the sign of x. */
function encoded(y: bigint, sign: 0 | 1): Buffer {
  const bytes = Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse();
  bytes[31] = (bytes[31] ?? 0) | (sign << 7);
  return bytes;
}

function little(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

function refused(bytes: Uint8Array, what: string): void {
  const trust = new TrustSet();
  assert.throws(
    () => trust.admit(Buffer.from(bytes), 'evil.pub'),
    gaitError('key_untrustworthy', 'invalid_input'),
    what,
  );
  assert.equal(trust.size, 0, what);
}

describe('a trust set refuses', () => {
  for (const [what, hex] of Object.entries(SMALL_ORDER)) {
    test(`a point of small order: ${what}`, () => refused(Buffer.from(hex, 'hex'), what));
  }

  test('of small order are eight points, and these are all', () => {
    const points = Object.values(SMALL_ORDER).map((hex) => Point.fromHex(hex));
    assert.equal(new Set(points.map((point) => point.toHex())).size, 8);
    for (const point of points) assert.ok(point.double().double().double().is0());
  });

  test('every y that is not reduced, from p to 2²⁵⁵ - 1, with both signs', () => {
    for (let y = P; y < 2n ** 255n; y += 1n) {
      for (const sign of [0, 1] as const) refused(encoded(y, sign), `p + ${y - P}, sign ${sign}`);
    }
  });

  test('x = 0 with the sign of a negative', () => {
    refused(encoded(1n, 1), 'y = 1');
    refused(encoded(P - 1n, 1), 'y = -1');
  });

  test('other lengths than 32 bytes', () => {
    const { publicKey } = numberedKey(1);
    for (const length of [0, 1, 31, 33, 64]) {
      refused(Buffer.concat([publicKey, publicKey]).subarray(0, length), `${length} bytes`);
    }
  });

  test('with a message that names the source', () => {
    assert.throws(() => new TrustSet().admit(Buffer.alloc(32), 'evil.pub'), /evil\.pub/);
  });

  /** The first y from some number on that is on the curve, or off it: every second one is. */
  function somewhere(on: boolean): fc.Arbitrary<bigint> {
    return fc.bigInt({ min: 3n, max: P / 2n }).map((from) => {
      let y = from;
      while (isOnCurve(y) !== on) y += 1n;
      return y;
    });
  }
  const eitherSign = fc.constantFrom(0 as const, 1 as const);

  test('what is off the curve', () => {
    fc.assert(
      fc.property(somewhere(false), eitherSign, (y, sign) => refused(encoded(y, sign), `y = ${y}`)),
      { numRuns: 30 },
    );
  });

  test('nothing that is on it', () => {
    fc.assert(
      fc.property(somewhere(true), eitherSign, (y, sign) => {
        const trust = new TrustSet();
        trust.admit(encoded(y, sign), 'a test');
        assert.equal(trust.size, 1, `y = ${y}`);
      }),
      { numRuns: 30 },
    );
  });
});

/** -x² + y² = 1 + d x² y² has a solution for x: Euler's criterion on (y² - 1) (d y² + 1). */
function isOnCurve(y: bigint): boolean {
  const square = (y * y) % P;
  return power(((square - 1n) * (D * square + 1n)) % P, (P - 1n) / 2n) === 1n;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let factor = ((base % P) + P) % P;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * factor) % P;
    factor = (factor * factor) % P;
  }
  return result;
}

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('a trust set believes', () => {
  test('every honest key, once, under its id', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(255), { maxLength: 5 }), (numbers) => {
        const keys = numbers.map(numberedKey);
        const trust = trusting(...keys, ...keys);
        assert.equal(trust.size, numbers.length);
        assert.deepEqual(trust.keyIds, keys.map(({ publicKey }) => keyIdOf(publicKey)).sort());
      }),
      { numRuns: 20 },
    );
  });

  test('what node:crypto and strict noble both believe, and nothing that either does not', () => {
    const damage = fc.option(fc.nat(511), { nil: undefined });
    fc.assert(
      fc.property(bytes32, bytes32, damage, fc.boolean(), (seed, message, bit, otherMessage) => {
        const key = keyOfSeed(seed);
        const signature = signDigest(Buffer.from(message).toString('hex'), key);
        const { sig } = bit === undefined ? signature : corrupted(signature, bit);
        const asked = otherMessage ? flipped(message, 7) : Buffer.from(message);
        const digest = asked.toString('hex');
        const believed = trusting(key).fault({ ...signature, sig, signed_digest: digest }, digest);
        const opinions = [byOpenssl, byNoble].map((by) => by(sig, asked, key.publicKey));
        const honest = bit === undefined && !otherMessage;
        assert.deepEqual([believed === undefined, ...opinions], [honest, honest, honest]);
      }),
      { numRuns: 60 },
    );
  });

  test('no signature that fulfils only the equation times the cofactor', () => {
    const { publicKey, sig } = cofactoredOnly(Buffer.alloc(32, 9));
    assert.equal(byNoble(sig, Buffer.alloc(32, 9), publicKey), true, 'noble alone would believe it');
    const trust = new TrustSet();
    trust.admit(publicKey, 'a test');
    const digest = '09'.repeat(32);
    const signature = { alg: 'ed25519', key_id: keyIdOf(publicKey), sig, signed_digest: digest };
    assert.notEqual(trust.fault(signature, digest), undefined);
  });
});

function byOpenssl(sig: string, message: Uint8Array, publicKey: Buffer): boolean {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') };
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return opensslVerify(null, message, key, Buffer.from(sig, 'base64'));
}

function byNoble(sig: string, message: Uint8Array, publicKey: Buffer): boolean {
  try {
    return nobleVerify(Buffer.from(sig, 'base64'), message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}

/** A key A = aB + T with T of order 8, and a signature S = r + ka: then SB - R - kA = -kT, which 8 makes vanish. */
function cofactoredOnly(message: Buffer): { publicKey: Buffer; sig: string } {
  const a = 12_345_678_901n;
  const torsion = Point.fromHex(SMALL_ORDER['order 8, first'] ?? '');
  const publicKey = Buffer.from(Point.BASE.multiply(a).add(torsion).toBytes());
  for (let r = 1_000_003n; ; r += 1n) {
    const R = Point.BASE.multiply(r).toBytes();
    const k = little(createHash('sha512').update(R).update(publicKey).update(message).digest()) % L;
    if (k % 8n === 0n) continue;
    const S = encoded((r + k * a) % L, 0);
    return { publicKey, sig: Buffer.concat([R, S]).toString('base64') };
  }
}
