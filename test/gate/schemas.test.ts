import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { GaitError } from '../../src/core/errors.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { parseIntent } from '../../src/gate/intent/reader.ts';
import { TEMPLATES } from '../../src/gate/policy/templates.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';
import { assertSound } from '../../src/gate/records/schemas.ts';
import { draftApproval, draftDelegation, signed } from '../../src/gate/tokens/issue.ts';
import validateApproval from '../../src/schema/generated/gate_approval_token.js';
import validateDelegation from '../../src/schema/generated/gate_delegation_token.js';
import validateIntent from '../../src/schema/generated/gate_intent_request.js';
import validatePolicy from '../../src/schema/generated/gate_policy.js';
import { schemaFault } from '../../src/schema/validator.ts';
import { generateKey } from '../../src/signing/keys.ts';
import { corpusPath, skip } from '../interop/corpus.ts';

const TERMS = { now: '2026-05-01T12:00:00Z', ttlMs: 3_600_000, nonce: 'ab'.repeat(16) };
const DIGEST = 'cd'.repeat(32);

describe('the schemas of the gate', () => {
  test('are those of the tokens that are made', () => {
    const key = generateKey();
    const approval = draftApproval({
      ...{ ...TERMS, intentDigest: DIGEST, policyDigest: DIGEST, delegationDigest: DIGEST },
      ...{ scope: ['tool:tool.write'], approver: 'bob', reasonCode: 'ticket-7' },
      ...{
        exactArgsDigest: DIGEST,
        claimsDigest: DIGEST,
        audience: 'shop',
        notBefore: '2026-05-01T12:30:00Z',
      },
    });
    assert.equal(schemaFault(validateApproval, signed(approval, key)), undefined);
    const delegation = draftDelegation({
      ...{ ...TERMS, delegator: 'alice', delegate: 'bob', scope: ['write'], scopeClass: 'write' },
      ...{ intentDigest: DIGEST, policyDigest: DIGEST },
    });
    assert.equal(schemaFault(validateDelegation, signed(delegation, key)), undefined);
  });

  test('W-47: a record that does not conform is not written', () => {
    const unsound = (error: unknown): boolean =>
      error instanceof GaitError && error.code === 'record_unsound';
    for (const kind of ['trace', 'approval_audit', 'delegation_audit', 'credential'] as const) {
      assert.throws(() => assertSound(kind, {}), unsound, kind);
    }
    const credential = {
      ...{ schema_id: 'gait.gate.broker_credential_record', schema_version: '1.0.0' },
      ...{ created_at: '2026-05-01T12:00:00Z', producer_version: '1', trace_id: 'ab'.repeat(12) },
      ...{ tool_name: 't', identity: 'i', broker: 'b', credential_ref: 'r' },
    };
    assertSound('credential', credential);
    assert.throws(() => assertSound('credential', { ...credential, ttl_seconds: -5 }), unsound);
  });

  test('are those of the templates', () => {
    for (const { text, name } of TEMPLATES) {
      assert.equal(schemaFault(validatePolicy, parse(text)), undefined, name);
    }
  });

  test('take every recorded call and policy that the gate takes', { skip }, () => {
    let taken = 0;
    for (const [, dir] of casesIn('gate')) {
      taken += conforms(join(dir, 'intent.json'), parseIntent, (text) => JSON.parse(text), validateIntent);
      taken += conforms(join(dir, 'policy.yaml'), parsePolicy, withoutEmpty, validatePolicy);
    }
    assert.ok(taken > 300, String(taken));
  });
});

/** An empty section of YAML is the same as none. */
function withoutEmpty(text: string): JsonObject {
  const filled = JSON.stringify(parse(text) ?? {}, (_, value) => value ?? undefined);
  return JSON.parse(filled) as JsonObject;
}

function casesIn(kind: string): [string, string][] {
  const root = corpusPath(join('cases', kind));
  return readdirSync(root).map((name) => [name, join(root, name)]);
}

/** 1 for a file that the gate reads, which must conform; 0 for one that it refuses, or that is not there. */
function conforms(
  path: string,
  read: (bytes: Buffer, what: string) => unknown,
  plain: (text: string) => JsonObject,
  validate: typeof validateIntent,
): 0 | 1 {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
    read(bytes, path);
  } catch {
    return 0;
  }
  assert.equal(schemaFault(validate, plain(bytes.toString())), undefined, path);
  return 1;
}
