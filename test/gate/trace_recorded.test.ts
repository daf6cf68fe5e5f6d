import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { parseIntent } from '../../src/gate/intent/reader.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';
import { traceId } from '../../src/gate/records/trace.ts';
import { verifyTrace } from '../../src/gate/records/verify_trace.ts';
import type { Keyring } from '../../src/signing/keyring.ts';
import { parsePublicKey } from '../../src/signing/keys.ts';
import { corpusPath, skip } from '../interop/corpus.ts';
import { gateWith, tickingClock } from '../support/gates.ts';
import { ringWith } from '../support/tokens.ts';

describe('traces that the Go versions recorded', { skip }, () => {
  const read = (path: string): Buffer => readFileSync(corpusPath(path));
  const corpusKey = (path: string): Keyring => {
    const publicKey = parsePublicKey(read(path).toString(), path);
    return ringWith({ publicKey, purposes: ['gate'], identities: [], source: path });
  };

  const RECORDED: readonly [name: string, codes: readonly string[]][] = [
    ['allow-go-120', []],
    ['block-go-120', []],
    ['approved-go-120', []],
    ['allow-go-140', []],
    ['block-go-140', []],
    ['approved-go-140', []],
    ['compact-json', []],
    ['no-signature', ['signature_missing']],
    ['verdict-edited', ['trace_id_mismatch', 'signature_invalid']],
    ['unknown-member-added', ['signature_invalid']],
    ['signed-digest-absent', ['signature_invalid']],
    ['key-id-empty', ['signature_invalid']],
    ['trace-id-wrong-resigned', ['trace_id_mismatch', 'event_id_mismatch']],
    ['schema-id-wrong-resigned', ['trace_invalid']],
  ];
  for (const [name, codes] of RECORDED) {
    test(`${name}: ${codes.join(', ') || 'verified'}`, (t) => {
      const dir = `cases/trace-verify/${name}`;
      if (!existsSync(corpusPath(join(dir, 'trace.json')))) return t.skip('not in this part of the corpus');
      const trace = JSON.parse(read(join(dir, 'trace.json')).toString()) as JsonObject;
      const found = verifyTrace(
        trace,
        corpusKey(join(dir, 'TESTONLY_alpha_public.key')),
        '2027-01-01T00:00:00Z',
      );
      assert.deepEqual(
        found.findings.map(({ code }) => code),
        codes,
      );
      if (codes.length === 0) assert.deepEqual([found.signature_scope, found.simulated], ['legacy', false]);
    });
  }

  test('have the ids that gait makes of their digests and verdicts', (t) => {
    interface Recorded {
      readonly id: string;
      readonly digests?: Readonly<Record<string, Readonly<Record<string, string>>>>;
      readonly results: Readonly<Record<string, { readonly stdout_json?: string | null }>>;
    }
    let compared = 0;
    for (const { id, digests = {}, results } of JSON.parse(read('index.json').toString()) as Recorded[]) {
      for (const [version, { policy_digest, intent_digest, trace_id }] of Object.entries(digests)) {
        const stdout = results[version]?.stdout_json;
        if (!id.startsWith('gate') || trace_id === undefined || typeof stdout !== 'string') continue;
        const { verdict } = JSON.parse(read(stdout).toString()) as { verdict: 'allow' };
        const digestsOf = { policyDigest: policy_digest ?? '', intentDigest: intent_digest ?? '' };
        assert.equal(traceId({ ...digestsOf, verdict }), trace_id, id);
        compared += 1;
      }
    }
    t.diagnostic(`${compared} ids are the recorded ones`);
    assert.ok(compared > 50);
  });

  const SAME: readonly [name: string, key: string, shown: 'approvals' | 'delegations', file: string][] = [
    ['gate-approval/token-valid-go-120', 'bravo', 'approvals', 'tok1.json'],
    ['gate-delegation/valid', 'charlie', 'delegations', 'del1.json'],
  ];
  for (const [name, owner, shown, file] of SAME) {
    test(`${name}: ours has the recorded members`, async (t) => {
      const golden = `expected/${name}.file.go-1.2.0.trace.json`;
      if (!existsSync(corpusPath(golden))) return t.skip('not in this part of the corpus');
      const dir = `cases/${name}`;
      const { gate, sink } = gateWith({
        keyring: believedIn(join(dir, `TESTONLY_${owner}_public.key`)),
        clock: tickingClock('2027-01-01T00:00:00Z'),
      });
      await gate.decide({
        policy: parsePolicy(read(join(dir, 'policy.yaml')), name),
        request: parseIntent(read(join(dir, 'intent.json')), name),
        ...{ requestSha256: 'e'.repeat(64), approvals: [], delegations: [] },
        [shown]: [JSON.parse(read(join(dir, file)).toString())],
      });
      assert.deepEqual(steady(sink.the('trace') ?? {}), steady(JSON.parse(read(golden).toString())));
    });
  }

  function believedIn(path: string): Keyring {
    const publicKey = parsePublicKey(read(path).toString(), path);
    return ringWith({ publicKey, purposes: ['approver', 'delegator'], identities: [], source: path });
  }

  /** Without what differs from run to run and from maker to maker, and what only one of them says. */
  function steady(trace: JsonObject): JsonObject {
    const { observed_at, event_id, producer_version, signature, ...rest } = trace;
    const { latency_ms, correlation_id, ext, ext_signature, ...members } = rest;
    return members;
  }
});
