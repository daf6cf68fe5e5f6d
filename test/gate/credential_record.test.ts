import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { VERSION } from '../../src/core/version.ts';
import { credentialFault, type Issued, stubCredential } from '../../src/gate/credentials/credential.ts';
import { readCredential } from '../../src/gate/credentials/reader.ts';
import { credentialRecord, readCredentialRecord } from '../../src/gate/credentials/record.ts';
import {
  type CredentialRequest,
  credentialRequest,
  requestBytes,
} from '../../src/gate/credentials/request.ts';
import { parseIntent } from '../../src/gate/intent/reader.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';
import { judge } from '../../src/gate/rules/judge.ts';
import validateRecord from '../../src/schema/generated/gate_broker_credential_record.js';
import { schemaFault } from '../../src/schema/validator.ts';
import { type Case, corpusPath, skip, VERSIONS } from '../interop/corpus.ts';
import { gaitError } from '../support/refusals.ts';

const REQUEST: CredentialRequest = {
  toolName: 'tool.write',
  identity: 'alice',
  workspace: '/srv',
  sessionId: '',
  requestId: '',
  reference: '',
  scope: [],
};
const AT = { created_at: '2026-03-01T09:30:00Z', trace_id: 'abc' };

describe('the record of a credential', () => {
  const bare = {
    schema_id: 'gait.gate.broker_credential_record',
    schema_version: '1.0.0',
    created_at: AT.created_at,
    producer_version: VERSION,
    trace_id: 'abc',
    tool_name: 'tool.write',
    identity: 'alice',
    broker: 'b',
    credential_ref: 'r',
  };

  test('W-34 says nothing of what is not known', () => {
    const record = credentialRecord(REQUEST, { broker: 'b', ref: 'r' }, AT);
    assert.deepEqual(record, bare);
    assert.equal(schemaFault(validateRecord, record), undefined);
  });

  test('says all that is known, and is read as it was written', () => {
    const times = {
      issued_at: '2026-03-01T09:30:00Z',
      expires_at: '2026-03-01T09:31:00.5Z',
      ttl_seconds: 60,
    };
    const request = { ...REQUEST, reference: 'vault', scope: ['read'] };
    const record = credentialRecord(request, { broker: 'b', ref: 'r', ...times }, AT);
    assert.deepEqual(record, { ...bare, reference: 'vault', scope: ['read'], ...times });
    assert.equal(schemaFault(validateRecord, record), undefined);
    assert.deepEqual(readCredentialRecord(record as unknown as Json), record);
  });

  test('W-34 is read without times of year 1, in UTC, and without members that came later', () => {
    const read = readCredentialRecord({
      ...bare,
      created_at: '2026-03-01T10:30:00+01:00',
      issued_at: '0001-01-01T00:00:00Z',
      expires_at: '0001-01-01T00:00:00Z',
      credential_source: 'stub',
    });
    assert.deepEqual(read, bare);
  });

  const WRONG: Readonly<Record<string, JsonObject>> = {
    'another schema': { schema_id: 'gait.gate.trace' },
    'another version': { schema_version: '2.0.0' },
    'no time': { created_at: null },
    'no name': { credential_ref: '' },
    'a time that is none': { expires_at: 'soon' },
    'a life of no time': { ttl_seconds: 0 },
    'a life of less': { ttl_seconds: -5 },
    'scopes that are no text': { scope: [1] },
  };
  for (const [name, members] of Object.entries(WRONG)) {
    test(`is refused with ${name}`, () => {
      const read = (): unknown => readCredentialRecord({ ...bare, ...members });
      assert.throws(read, gaitError('record_invalid', 'invalid_input'));
    });
  }
});

/** Recorded cases of which the record here is another, or there is none. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'broker.stub-scope-upper-case': 'scopes are in small letters in the record too',
  'broker.command-expired': 'broker_credential_expired',
  'broker.command-negative-ttl': 'broker_credential_ttl_invalid',
};

describe('W-33 W-34 records of credentials that the Go versions wrote', { skip }, () => {
  const cases = (): Case[] =>
    (JSON.parse(readFileSync(corpusPath('index.json'), 'utf8')) as Case[]).filter(
      ({ kind, command }) => kind === 'broker' && /stub|command/.test(flagOf(command, 'credential-broker')),
    );
  const read = (path: string): Buffer => readFileSync(corpusPath(path));

  function flagOf(command: readonly string[], name: string): string {
    const at = command.indexOf(`--${name}`);
    return at === -1 ? '' : (command[at + 1] ?? '');
  }

  function requestOf({ dir, command }: Case): { request: CredentialRequest; created_at: string } {
    const policy = parsePolicy(read(join(dir, 'policy.yaml')), 'policy.yaml');
    const asked = parseIntent(read(join(dir, 'intent.json')), 'intent.json');
    const { intent, created_at } = asked;
    const { broker } = judge(policy, asked, '2026-03-01T09:30:00Z').duties;
    assert.ok(broker !== null);
    const scopes = flagOf(command, 'credential-scopes').split(',');
    return { request: credentialRequest(intent, broker, { scopes }), created_at };
  }

  /** What the broker of a case issues at the time of the record. */
  function issuedIn({ dir, inputs }: Case, request: CredentialRequest, now: string): Issued {
    if (!inputs.includes('resp.json')) return { credential: stubCredential(request, now) };
    return readCredential(read(join(dir, 'resp.json')), 'command', now);
  }

  for (const version of VERSIONS) {
    test(`${version}: the same record, but for what is listed`, () => {
      const [compared, different] = [[] as string[], [] as string[]];
      for (const one of cases()) {
        const written = one.results[version].files.find(({ path }) => path.startsWith('cred'));
        if (written === undefined) continue;
        const golden = JSON.parse(read(written.golden).toString()) as JsonObject;
        const { request, created_at } = requestOf(one);
        const clock = written.volatile?.includes('/issued_at') === true ? golden['issued_at'] : created_at;
        const now = String(clock);
        const issued = issuedIn(one, request, now);
        const fault = 'fault' in issued ? issued.fault : credentialFault(issued.credential, now);
        if (fault !== undefined) {
          assert.equal(fault.reason, DIFFERENT[one.id], one.id);
          different.push(one.id);
          continue;
        }
        assert.ok('credential' in issued);
        const at = { created_at, trace_id: String(golden['trace_id']) };
        const { producer_version: _, ...record } = credentialRecord(request, issued.credential, at);
        const { producer_version: __, ...recorded } = readCredentialRecord(golden);
        if (one.id in DIFFERENT) {
          assert.notDeepEqual(record, recorded, one.id);
          different.push(one.id);
          const lowered = { ...recorded, scope: recorded.scope?.map((scope) => scope.toLowerCase()) };
          assert.deepEqual(record, lowered);
        } else assert.deepEqual(record, recorded, one.id);
        compared.push(one.id);
      }
      assert.ok(compared.length >= 14, compared.join(' '));
      assert.deepEqual(different.sort(), Object.keys(DIFFERENT).sort());
    });
  }

  test('none here where there is none there', () => {
    const silent = cases().filter(
      ({ inputs, results }) =>
        inputs.includes('resp.json') &&
        !results['go-1.2.0'].files.some(({ path }) => path.startsWith('cred')),
    );
    /** What speaks against these is not in what the command prints. */
    const otherwise = [
      'broker.command-allowlist-miss',
      'broker.command-fails-with-output',
      'broker.command-huge-output',
    ];
    const refused = silent.filter((one) => {
      const { request, created_at } = requestOf(one);
      return 'fault' in issuedIn(one, request, created_at);
    });
    const rest = silent.filter((one) => !refused.includes(one)).map(({ id }) => id);
    assert.deepEqual(rest.sort(), otherwise);
    assert.ok(refused.length >= 8);
  });

  test('the request is the recorded one to the byte', () => {
    const one = cases().find(({ id }) => id === 'broker.command-stdin-copy');
    assert.ok(one !== undefined);
    const golden = one.results['go-1.2.0'].files.find(({ path }) => path === 'request.json')?.golden ?? '';
    assert.equal(requestBytes(requestOf(one).request).toString(), read(golden).toString());
  });
});
