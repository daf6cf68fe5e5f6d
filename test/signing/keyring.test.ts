import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { timestamp } from '../../src/core/time.ts';
import { KEY_PURPOSES, type KeyPurpose, Keyring, type TrustedKey } from '../../src/signing/keyring.ts';
import { packTrust } from '../../src/signing/ring_trust.ts';
import { type Signature, signDigest } from '../../src/signing/signature.ts';
import { trusted } from '../support/keyrings.ts';
import { corrupted, numberedKey } from '../support/keys.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

const [alice, bob] = [numberedKey(1), numberedKey(2)];
const DIGEST = 'ab'.repeat(32);
const NOW = '2026-06-01T12:00:00Z';
const SIGNED = signDigest(DIGEST, alice);

function ring(...keys: readonly TrustedKey[]): Keyring {
  const made = new Keyring();
  for (const key of keys) made.admit(key);
  return made;
}

/** Why the signature of alice counts for nothing; undefined when it counts. */
function faultOf(
  made: Keyring,
  { purpose = 'pack', now = NOW, signature = SIGNED }: Partial<Asked> = {},
): string | undefined {
  const signer = made.signer(signature, DIGEST, purpose, now);
  return 'fault' in signer ? signer.fault : undefined;
}

interface Asked {
  readonly purpose: KeyPurpose;
  readonly now: string;
  readonly signature: Signature;
}

describe('a keyring', () => {
  test('answers who signed: the key with its identities', () => {
    const key = trusted(alice, { purposes: ['approver'], identities: ['alice'] });
    const signer = ring(key, trusted(bob)).signer(SIGNED, DIGEST, 'approver', NOW);
    assert.deepEqual(signer, { keyId: alice.keyId, identities: ['alice'], names: ['alice'] });
  });

  test('of a key with several entries, answers all of its names; one without any stands for anybody', () => {
    const named = (...identities: string[]) => trusted(alice, { purposes: ['approver'], identities });
    const elsewhere = trusted(alice, { purposes: ['pack'], identities: ['release'] });
    const of = (...keys: readonly TrustedKey[]) => ring(...keys).signer(SIGNED, DIGEST, 'approver', NOW);
    const names = ['alice', 'agent', 'release'];
    assert.deepEqual(of(named('alice'), named('agent'), elsewhere), {
      ...{ keyId: alice.keyId, identities: ['alice', 'agent'], names },
    });
    assert.deepEqual(of(named('alice'), named()), { keyId: alice.keyId, identities: [], names: ['alice'] });
  });

  for (const purpose of KEY_PURPOSES) {
    test(`believes a key for ${purpose} and for nothing else`, () => {
      const made = ring(trusted(alice, { purposes: [purpose] }));
      for (const asked of KEY_PURPOSES) {
        const fault = faultOf(made, { purpose: asked });
        if (asked === purpose) assert.equal(fault, undefined);
        else assert.equal(fault, `the key ${alice.keyId} is not for the purpose ${asked}`);
      }
    });
  }

  const [from, until] = ['2026-06-01T12:00:00Z', '2026-06-02T00:00:00Z'];
  const TIMES: Readonly<Record<string, boolean>> = {
    '2026-06-01T11:59:59.999Z': false,
    [from]: true,
    '2026-06-01T23:59:59.999Z': true,
    [until]: false,
    '2027-01-01T00:00:00Z': false,
  };
  for (const [now, valid] of Object.entries(TIMES)) {
    test(`${valid ? 'believes' : 'does not believe'} a key of ${from} to ${until} at ${now}`, () => {
      const fault = faultOf(ring(trusted(alice, { notBefore: from, notAfter: until })), { now });
      assert.equal(fault, valid ? undefined : `the key ${alice.keyId} is not valid at ${now}`);
    });
  }

  for (const [what, order] of Object.entries({ first: [1, 0], last: [0, 1] })) {
    test(`does not believe a revoked key, though admitted once more, the revocation ${what}`, () => {
      const both = [trusted(alice), trusted(alice, { revokedAt: '2099-01-01T00:00:00Z' })];
      const made = ring(...order.flatMap((i) => both[i] ?? []));
      const signer = made.signer(SIGNED, DIGEST, 'pack', NOW);
      assert.deepEqual(signer, { fault: `the key ${alice.keyId} is revoked`, revoked: true });
      assert.equal(made.size, 1);
    });
  }

  test('says of a revoked key that it is revoked, whatever it is asked for and when', () => {
    const ended = { revokedAt: NOW, purposes: ['gate'], notAfter: '2026-01-01T00:00:00Z' } as const;
    const made = ring(trusted(alice, ended));
    for (const purpose of KEY_PURPOSES) assert.match(faultOf(made, { purpose }) ?? '', /is revoked$/);
  });

  test('believes a key that is admitted twice for both purposes, each as long as it was said', () => {
    const made = ring(
      trusted(alice, { notAfter: NOW }),
      trusted(alice, { purposes: ['gate'], notAfter: '2099-01-01T00:00:00Z' }),
    );
    assert.match(faultOf(made) ?? '', /not valid at/);
    assert.equal(faultOf(made, { purpose: 'gate' }), undefined);
    assert.deepEqual(
      [made.size, made.count('pack'), made.count('gate'), made.count('approver')],
      [1, 1, 1, 0],
    );
  });

  test('tells a stranger, a signature that does not hold, and one of another document', () => {
    assert.match(faultOf(ring(trusted(bob))) ?? '', /^no trusted key has the id/);
    assert.match(faultOf(new Keyring()) ?? '', /^no trusted key has the id/);
    const made = ring(trusted(alice));
    assert.match(faultOf(made, { signature: corrupted(SIGNED, 9) }) ?? '', /not of this document and key/);
    const other = signDigest('cd'.repeat(32), alice);
    assert.match(faultOf(made, { signature: other }) ?? '', /^signed_digest is/);
  });

  test('takes no key that no honest pair has', () => {
    const made = new Keyring();
    const weak = { ...trusted(alice), publicKey: Buffer.alloc(32) };
    assert.throws(() => made.admit(weak), gaitError('key_untrustworthy', 'invalid_input'));
    assert.equal(made.size, 0);
  });

  test('believes exactly what its entries say, however many there are of a key', () => {
    const at = fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined });
    const entry = fc.record({
      purposes: fc.uniqueArray(fc.constantFrom(...KEY_PURPOSES), { minLength: 1 }),
      from: at,
      until: at,
      revoked: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    });
    const days = (n: number | undefined, name: 'notBefore' | 'notAfter') =>
      n === undefined ? {} : { [name]: timestamp(n * 86_400_000) };
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 4 }),
        fc.constantFrom(...KEY_PURPOSES),
        fc.integer({ min: 0, max: 6 }),
        (entries, purpose, today) => {
          const made = ring(
            ...entries.map(({ purposes, from, until, revoked }) =>
              trusted(alice, {
                purposes,
                ...days(from, 'notBefore'),
                ...days(until, 'notAfter'),
                ...(revoked ? { revokedAt: NOW } : {}),
              }),
            ),
          );
          const fits = entries.some(
            (one) => one.purposes.includes(purpose) && (one.from ?? 0) <= today && today < (one.until ?? 7),
          );
          const expected = fits && !entries.some(({ revoked }) => revoked);
          const fault = faultOf(made, { purpose, now: timestamp(today * 86_400_000) });
          assert.equal(fault === undefined, expected, fault);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('the trust of a reader of packs', () => {
  test('is that of the keys for packs, now; a key for something else is told', () => {
    const made = ring(trusted(alice), trusted(bob, { purposes: ['gate'] }));
    const trust = packTrust(made, NOW);
    assert.equal(trust.size, 2);
    assert.equal(trust.fault(SIGNED, DIGEST), undefined);
    assert.match(trust.fault(signDigest(DIGEST, bob), DIGEST) ?? '', /not for the purpose pack/);
    assert.equal(packTrust(new Keyring(), NOW).size, 0);
  });
});
