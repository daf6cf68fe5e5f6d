import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Json } from '../../src/core/json.ts';
import { argsDigest, intentDigest } from '../../src/gate/intent/digest.ts';
import { parseIntent, readIntent } from '../../src/gate/intent/reader.ts';
import { policyDigest } from '../../src/gate/policy/digest.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';
import { corpusPath, skip } from '../interop/corpus.ts';
import { gaitError } from '../support/refusals.ts';

interface Digests {
  readonly policy_digest?: string;
  readonly intent_digest?: string;
  readonly args_digest?: string;
}

interface RecordedCase {
  readonly id: string;
  readonly dir: string;
  readonly digests?: Readonly<Record<string, Digests>>;
}

interface Vectors {
  readonly intents: Readonly<Record<string, { readonly input: Json; readonly '1.2': Digests }>>;
  readonly policies: Readonly<Record<string, { readonly yaml: string; readonly v12: string }>>;
}

/** Calls and policies that the Go versions read, and gait does not: two readers could take them for two things. */
const REFUSED: Readonly<Record<string, string>> = {
  'gate.intent-schema-id-wrong': 'intent_invalid',
  'gate.intent-case-folded-keys': 'record_ambiguous',
  'gate.intent-duplicate-keys': 'json_ambiguous',
  'gate.intent-big-integers': 'json_ambiguous',
  'gate.intent-lone-surrogate': 'not_canonicalizable',
  'gate.script-140': 'intent_invalid',
  'gate.endpoint-path-glob-malformed': 'policy_invalid',
  'gate.policy-float-int': 'policy_invalid',
  'gate.policy-mixed-scalars': 'policy_invalid',
  'gate.policy-multi-document': 'policy_invalid',
  'gate.rate-limit-zero-unvalidated': 'policy_invalid',
};

/** A policy with other names for members, which gait does not know. */
const ALIASES = 'gate.policy-alias-fields-140';

describe('digests that the Go versions recorded', { skip }, () => {
  const vectors = (): Vectors =>
    JSON.parse(readFileSync(corpusPath('intent-policy-digests.json'), 'utf8')) as Vectors;
  const cases = (): RecordedCase[] =>
    JSON.parse(readFileSync(corpusPath('index.json'), 'utf8')) as RecordedCase[];

  test('of intents', () => {
    const all = Object.entries(vectors().intents);
    assert.ok(all.length > 5);
    for (const [name, { input, '1.2': recorded }] of all) {
      const { intent } = readIntent(input);
      const { intent_digest, args_digest } = recorded;
      assert.deepEqual([intentDigest(intent), argsDigest(intent)], [intent_digest, args_digest], name);
    }
  });

  test('of policies', () => {
    for (const [name, { yaml, v12 }] of Object.entries(vectors().policies)) {
      assert.equal(policyDigest(parsePolicy(Buffer.from(yaml), name)), v12, name);
    }
  });

  test('in all recorded commands, but for those that are refused', (t) => {
    const seen = new Set<string>();
    let compared = 0;
    for (const { id, dir, digests } of cases()) {
      const recorded = digests?.['go-1.2.0'];
      const [policy, intent] = ['policy.yaml', 'intent.json'].map((name) => corpusPath(join(dir, name)));
      if (recorded === undefined || policy === undefined || intent === undefined) continue;
      const compare = (): void => {
        if (recorded.policy_digest !== undefined && existsSync(policy)) {
          assert.equal(policyDigest(parsePolicy(readFileSync(policy), id)), recorded.policy_digest, id);
          compared += 1;
        }
        if (recorded.intent_digest !== undefined && existsSync(intent)) {
          assert.equal(
            intentDigest(parseIntent(readFileSync(intent), id).intent),
            recorded.intent_digest,
            id,
          );
          compared += 1;
        }
      };
      const refusal = REFUSED[id];
      if (refusal === undefined) compare();
      else assert.throws(compare, gaitError(refusal), id);
      if (refusal !== undefined) seen.add(id);
    }
    assert.deepEqual([...seen].sort(), Object.keys(REFUSED).sort());
    t.diagnostic(`${compared} digests are the recorded ones`);
  });

  test('of policies, by version 1.4.0, which knows more members', () => {
    const compared: string[] = [];
    for (const { id, dir, digests } of cases()) {
      const recorded = digests?.['go-1.4.0']?.policy_digest;
      const path = corpusPath(join(dir, 'policy.yaml'));
      if (recorded === undefined || !existsSync(path) || REFUSED[id] === 'policy_invalid') continue;
      const digest = (): string => policyDigest(parsePolicy(readFileSync(path), id));
      if (id === ALIASES) assert.throws(digest, gaitError('policy_invalid'));
      else assert.equal(digest(), recorded, id);
      compared.push(id);
    }
    assert.ok(compared.includes(ALIASES));
    const frozen = compared.filter((id) => id.includes('freeze-window'));
    assert.deepEqual(frozen.sort(), ['gate.freeze-window-active-140', 'gate.policy-freeze-window-140']);
  });
});
