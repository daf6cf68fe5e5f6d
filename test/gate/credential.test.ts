import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { epochMs, isTimestamp, timestamp } from '../../src/core/time.ts';
import {
  type Credential,
  credentialFault,
  type Issued,
  stubCredential,
} from '../../src/gate/credentials/credential.ts';
import { readCredential } from '../../src/gate/credentials/reader.ts';
import { credentialRequest, requestBytes } from '../../src/gate/credentials/request.ts';
import { type CredentialTimes, completedTimes } from '../../src/gate/credentials/times.ts';
import { intentOf } from '../support/gate.ts';
import fc from '../support/property.ts';

const NOW = '2026-03-01T09:30:00Z';

function answered(answer: unknown): Issued {
  return readCredential(Buffer.from(JSON.stringify(answer)), 'command', NOW);
}

function credentialOf(issued: Issued): Credential {
  assert.ok('credential' in issued, JSON.stringify(issued));
  return issued.credential;
}

function reasonOf(issued: Issued): string {
  assert.ok('fault' in issued, JSON.stringify(issued));
  assert.equal(issued.fault.violation, 'broker_credential_missing');
  return issued.fault.reason;
}

describe('a request for a credential', () => {
  const rules = { references: ['a', 'b'], scopes: ['read', 'write'] };
  const intent = intentOf({ tool_name: 'Tool.Write', context: { session_id: 's' } });

  test('is for the call, by what the rules ask and what is asked beside them', () => {
    assert.deepEqual(credentialRequest(intent, rules, { scopes: [' Admin', 'READ', ''] }), {
      toolName: 'tool.write',
      identity: 'agent',
      workspace: '/repo',
      sessionId: 's',
      requestId: '',
      reference: 'a,b',
      scope: ['admin', 'read', 'write'],
    });
  });

  test('names what was asked for in place of what the rules name, unless that is blank', () => {
    const referenceOf = (reference: string): string =>
      credentialRequest(intent, rules, { reference, scopes: [] }).reference;
    assert.deepEqual([referenceOf(' c '), referenceOf('  ')], ['c', 'a,b']);
  });

  test('is written as Go writes it: members of old, lists though empty, HTML escaped, nothing else', () => {
    const none = { references: [], scopes: [] };
    const reference = '<a>&\u2028\u2029"\\ü\u007f\b';
    const bytes = requestBytes(credentialRequest(intent, none, { reference, scopes: [] }));
    assert.equal(
      bytes.toString(),
      '{"ToolName":"tool.write","Identity":"agent","Workspace":"/repo","SessionID":"s","RequestID":"",' +
        '"Reference":"\\u003ca\\u003e\\u0026\\u2028\\u2029\\"\\\\ü\u007f\\b","Scope":[]}',
    );
  });
});

describe('what a command answers', () => {
  const TABLE: readonly [name: string, said: object, read: CredentialTimes][] = [
    ['no time', {}, {}],
    ['members that are null', { issued_at: null, expires_at: null, ttl_seconds: null, issued_by: null }, {}],
    ['a begin alone', { issued_at: '2026-03-01T09:00:00Z' }, { issued_at: '2026-03-01T09:00:00Z' }],
    ['how long it lives alone', { ttl_seconds: 120 }, { ttl_seconds: 120 }],
    [
      'an end alone: issued now',
      { expires_at: '2026-03-01T09:31:00.5Z' },
      { issued_at: NOW, expires_at: '2026-03-01T09:31:00.5Z', ttl_seconds: 60 },
    ],
    [
      'an end and how long: issued so long before',
      { expires_at: '2026-03-01T09:31:00.5Z', ttl_seconds: 90 },
      { issued_at: '2026-03-01T09:29:30.5Z', expires_at: '2026-03-01T09:31:00.5Z', ttl_seconds: 90 },
    ],
    [
      'a begin and how long: ends so long after, to the nanosecond',
      { issued_at: '2026-03-01T10:00:00.123456789+01:00', ttl_seconds: 60 },
      {
        issued_at: '2026-03-01T09:00:00.123456789Z',
        expires_at: '2026-03-01T09:01:00.123456789Z',
        ttl_seconds: 60,
      },
    ],
    [
      'a begin and an end: lives from one to the other',
      { issued_at: '2026-03-01T09:00:00Z', expires_at: '2026-03-01T11:30:00+02:00' },
      { issued_at: '2026-03-01T09:00:00Z', expires_at: '2026-03-01T09:30:00Z', ttl_seconds: 1800 },
    ],
    [
      'W-34 times of year 1, which are none',
      { issued_at: '0001-01-01T00:00:00Z', expires_at: '0001-01-01T01:00:00+01:00', ttl_seconds: 5 },
      { ttl_seconds: 5 },
    ],
  ];
  for (const [name, said, times] of TABLE) {
    test(name, () => {
      const read = answered({ credential_ref: ' r ', issued_by: ' Vault ', ...said });
      const broker = 'issued_by' in said ? 'command' : 'Vault';
      assert.deepEqual(read, { credential: { broker, ref: 'r', ...times } });
    });
  }

  test('may hold members that nobody knows, and is by the broker unless it says by whom', () => {
    const credential = credentialOf(answered({ credential_ref: 'r', secret: 'do not copy', __proto__: {} }));
    assert.deepEqual(credential, { broker: 'command', ref: 'r' });
  });

  test('names a credential in up to 256 bytes', () => {
    const ref = 'ü'.repeat(128);
    assert.equal(credentialOf(answered({ credential_ref: ref })).ref, ref);
    assert.equal(reasonOf(answered({ credential_ref: `${ref}x` })), 'broker_credential_missing');
  });

  const REFUSED: Readonly<Record<string, string>> = {
    'nothing at all': '',
    'what is not JSON': 'token=abc',
    'a list': '["a"]',
    'a text': '"r"',
    'two values': '{"credential_ref":"a"}{"credential_ref":"b"}',
    'a key twice': '{"credential_ref":"a","credential_ref":"b"}',
    'a member that is known in another case': '{"credential_ref":"r","TTL_seconds":5}',
    'no name': '{"issued_by":"x"}',
    'a blank name': '{"credential_ref":" \\u0085 "}',
    'a name that is no text': '{"credential_ref":7}',
    'a name of two lines': '{"credential_ref":"a\\nb"}',
    'a name with a tab': '{"credential_ref":"a\\tb"}',
    'a name with an escape': '{"credential_ref":"a\\u001b[31mb"}',
    'a name that turns around what is read': '{"credential_ref":"a\\u202eb"}',
    'a name with half a letter': '{"credential_ref":"a\\ud800"}',
    'an issuer of two lines': '{"credential_ref":"r","issued_by":"a\\u2028b"}',
    'an issuer without end': `{"credential_ref":"r","issued_by":"${'x'.repeat(257)}"}`,
    'how long as text': '{"credential_ref":"r","ttl_seconds":"60"}',
    'half a second': '{"credential_ref":"r","ttl_seconds":1.5}',
    'more seconds than a number counts': '{"credential_ref":"r","ttl_seconds":9007199254740993}',
    'a time that is none': '{"credential_ref":"r","expires_at":"soon"}',
    'a day that is not in the calendar': '{"credential_ref":"r","expires_at":"2026-02-30T00:00:00Z"}',
    'a time as a number': '{"credential_ref":"r","issued_at":1772357400}',
    'a time of year 1 that is not the first': '{"credential_ref":"r","expires_at":"0001-01-01T00:00:01Z"}',
    'a time of year 0 in UTC': '{"credential_ref":"r","expires_at":"0001-01-01T00:00:00+01:00"}',
  };
  for (const [name, text] of Object.entries(REFUSED)) {
    test(`is refused: ${name}`, () => {
      assert.equal(reasonOf(readCredential(Buffer.from(text), 'command', NOW)), 'broker_credential_missing');
    });
  }

  test('is refused in another encoding', () => {
    const bytes = Buffer.from('{"credential_ref":"\xff"}', 'latin1');
    assert.equal(reasonOf(readCredential(bytes, 'command', NOW)), 'broker_credential_missing');
  });
});

describe('W-33 a credential does not count', () => {
  const BEGIN = '2026-03-01T09:00:00Z';
  const END = '2026-03-01T10:00:00Z';
  const sound: readonly [name: string, times: CredentialTimes][] = [
    ['that says no time', {}],
    ['that says all of them', { issued_at: BEGIN, expires_at: END, ttl_seconds: 3600 }],
    ['that rounds up', { issued_at: BEGIN, expires_at: END, ttl_seconds: 3601 }],
    ['that rounds down', { issued_at: BEGIN, expires_at: END, ttl_seconds: 3599 }],
    ['whose broker has a fast clock', { issued_at: '2026-03-01T09:31:00Z', expires_at: END }],
    ['that ends a millisecond from now', { expires_at: '2026-03-01T09:30:01.001Z' }],
  ];
  const EXPIRED = 'broker_credential_expired';
  const INVALID = 'broker_credential_ttl_invalid';
  const unsound: readonly [name: string, times: CredentialTimes, reason: string][] = [
    [
      'that expired long ago',
      { issued_at: '2001-01-01T00:00:00Z', expires_at: '2001-02-01T00:00:00Z' },
      EXPIRED,
    ],
    ['that expires now', { issued_at: BEGIN, expires_at: NOW }, EXPIRED],
    [
      'that expires in this very millisecond',
      { issued_at: BEGIN, expires_at: '2026-03-01T09:30:00.0009Z' },
      EXPIRED,
    ],
    ['that lives for no time', { ttl_seconds: 0 }, INVALID],
    ['that lives for less', { ttl_seconds: -5 }, INVALID],
    ['that lives for less from its begin', { issued_at: BEGIN, ttl_seconds: -5 }, INVALID],
    ['that lives for less up to its end', { expires_at: END, ttl_seconds: -5 }, INVALID],
    ['that lives for half a second', { issued_at: NOW, expires_at: '2026-03-01T09:30:00.5Z' }, INVALID],
    [
      'that ends before it begins',
      { issued_at: '2026-03-01T09:30:30Z', expires_at: '2026-03-01T09:30:20Z', ttl_seconds: 10 },
      INVALID,
    ],
    [
      'that ends as it begins',
      { issued_at: '2026-03-01T09:30:30Z', expires_at: '2026-03-01T09:30:30Z', ttl_seconds: 1 },
      INVALID,
    ],
    [
      'that lives longer than from begin to end',
      { issued_at: BEGIN, expires_at: END, ttl_seconds: 3602 },
      INVALID,
    ],
    [
      'that lives shorter than from begin to end',
      { issued_at: BEGIN, expires_at: END, ttl_seconds: 3598 },
      INVALID,
    ],
    ['that is issued in the future', { issued_at: '2026-03-01T09:31:00.001Z', expires_at: END }, INVALID],
    [
      'that is issued in the future by its end',
      { expires_at: '2126-01-01T00:00:00Z', ttl_seconds: 60 },
      INVALID,
    ],
    ['that lives beyond the years', { issued_at: BEGIN, ttl_seconds: 1e12 }, INVALID],
    ['that lives beyond all time', { issued_at: BEGIN, ttl_seconds: Number.MAX_SAFE_INTEGER }, INVALID],
    ['that was issued before all years', { expires_at: END, ttl_seconds: 1e12 }, INVALID],
  ];
  const credential = (times: CredentialTimes): Credential => ({
    broker: 'b',
    ref: 'r',
    ...completedTimes(times, NOW),
  });

  for (const [name, times, reason] of unsound) {
    test(name, () => {
      const fault = credentialFault(credential(times), NOW);
      assert.deepEqual([fault?.reason, fault?.violation], [reason, 'broker_credential_missing']);
    });
  }
  for (const [name, times] of sound) {
    test(`and does count: one ${name}`, () => {
      assert.equal(credentialFault(credential(times), NOW), undefined);
    });
  }

  test('that lives longer than may be, or without an end', () => {
    const reason = (times: CredentialTimes): string | undefined =>
      credentialFault(credential(times), NOW, 60)?.reason;
    const EXCEEDED = 'broker_credential_ttl_exceeded';
    assert.deepEqual([{ ttl_seconds: 60 }, { expires_at: '2026-03-01T09:31:00Z' }].map(reason), [
      undefined,
      undefined,
    ]);
    const long = [{ ttl_seconds: 61 }, { expires_at: '2026-03-01T09:31:01Z' }, { issued_at: NOW }, {}];
    assert.deepEqual(long.map(reason), [EXCEEDED, EXCEEDED, EXCEEDED, EXCEEDED]);
  });
});

test('a stub has another reference for every other request, and lives for five minutes', () => {
  const request = credentialRequest(intentOf(), { references: ['a'], scopes: ['x'] }, { scopes: [] });
  const stub = stubCredential(request, NOW);
  assert.deepEqual(stub, {
    ...stub,
    broker: 'stub',
    issued_at: NOW,
    expires_at: '2026-03-01T09:35:00Z',
    ttl_seconds: 300,
  });
  assert.equal(credentialFault(stub, NOW, 300), undefined);
  const others = Object.keys(request).map((member) => {
    const value = member === 'scope' ? ['other'] : 'other';
    return stubCredential({ ...request, [member]: value }, NOW).ref;
  });
  assert.equal(new Set([stub.ref, ...others]).size, 8);
  assert.match(stub.ref, /^stub:[0-9a-f]{24}$/);
});

describe('whatever a broker prints', () => {
  const SECRET = 'hunter2hunter2';
  const odd = { arbitrary: fc.jsonValue(), weight: 1 };
  const usual = <T>(arbitrary: fc.Arbitrary<T>): fc.WeightedArbitrary<T> => ({ arbitrary, weight: 4 });
  const time = fc.oneof(
    odd,
    usual(fc.constantFrom('0001-01-01T00:00:00Z', '0001-06-01T00:00:00Z', '9999-12-31T23:59:59Z', SECRET)),
    usual(fc.integer({ min: -100, max: 100 }).map((s) => new Date(epochMs(NOW) + s * 1000).toISOString())),
  );
  const text = fc.oneof(
    odd,
    usual(fc.constantFrom('r', SECRET, ` ${SECRET}\n${SECRET}`)),
    usual(fc.string()),
  );
  const seconds = fc.oneof(odd, usual(fc.maxSafeInteger()), usual(fc.integer({ min: -2, max: 200 })));
  const answer = fc.record(
    {
      credential_ref: text,
      issued_by: text,
      issued_at: time,
      expires_at: time,
      ttl_seconds: seconds,
      other: text,
    },
    { requiredKeys: ['credential_ref'] },
  );
  const written = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    fc.jsonValue().map(written),
    answer.map((value) => Buffer.from(`${SECRET}${JSON.stringify(value)}`)),
    { arbitrary: answer.map(written), weight: 9 },
  );

  /** Of a credential that counts: its times are there, or can be worked out, and hold together. */
  function assertSound({ issued_at, expires_at, ttl_seconds }: CredentialTimes): void {
    assert.ok(ttl_seconds === undefined || ttl_seconds > 0);
    assert.ok(expires_at === undefined || epochMs(expires_at) > epochMs(NOW));
    if (issued_at === undefined || expires_at === undefined) return;
    const life = (epochMs(expires_at) - epochMs(issued_at)) / 1000;
    assert.ok(life > 0 && ttl_seconds !== undefined && Math.abs(ttl_seconds - life) <= 1);
  }

  test('W-33 W-34 there is a credential of times that can be, or a fault that says nothing of it', () => {
    fc.assert(
      fc.property(bytes, (printed) => {
        const issued = readCredential(printed, 'command', NOW);
        if ('fault' in issued) return assert.ok(!JSON.stringify(issued).includes(SECRET));
        const { broker, ref, issued_at, expires_at } = issued.credential;
        for (const name of [broker, ref]) assert.match(name, /^[^\p{Cc}\p{Zl}\p{Zp}]{1,256}$/u);
        for (const at of [issued_at, expires_at])
          assert.ok(at === undefined || (isTimestamp(at) && at > '1970'));
        const fault = credentialFault(issued.credential, NOW);
        if (fault !== undefined) return assert.ok(!JSON.stringify(fault).includes(SECRET));
        assertSound(issued.credential);
      }),
      { numRuns: 1000 },
    );
  });

  /** Made so that it counts: it was issued before now, ends after it, and says as much of that as it likes. */
  const counting = fc
    .record({
      life: fc.integer({ min: 1, max: 200 }),
      age: fc.nat(199),
      name: fc.stringMatching(/^[a-z][a-z0-9:/ ]{0,30}[a-z]$/),
      said: fc.subarray(['issued_at', 'expires_at', 'ttl_seconds'] as const),
    })
    .map(({ life, age, name, said }) => {
      const issuedMs = epochMs(NOW) - 1000 * (age % life);
      const times = {
        issued_at: timestamp(issuedMs),
        expires_at: timestamp(issuedMs + 1000 * life),
        ttl_seconds: life,
      };
      return { credential_ref: name, ...Object.fromEntries(said.map((member) => [member, times[member]])) };
    });

  test('W-33 W-34 there is a credential that counts in every answer that gives one', () => {
    fc.assert(
      fc.property(counting, (given) => {
        const issued = readCredential(written(given), 'command', NOW);
        assert.ok('credential' in issued, JSON.stringify(issued));
        assert.equal(issued.credential.ref, given.credential_ref);
        assert.equal(credentialFault(issued.credential, NOW), undefined);
        assertSound(issued.credential);
      }),
    );
  });
});
