// Judging a call by a policy: in a process that is there, and from cold.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NO_CONTEXT } from '../../dist/gate/context.js';
import { evaluate } from '../../dist/gate/evaluate.js';
import { parseIntent } from '../../dist/gate/intent/reader.js';
import { parsePolicy } from '../../dist/gate/policy/yaml.js';
import { createKeyFiles, keyPaths } from '../../dist/signing/key_files.js';
import { ANY, fromCold, HOT } from './cold.mjs';
import { median, row } from './table.mjs';

/** When the calls are judged. */
const NOW = '2026-01-01T00:00:00Z';

const BLOCKS = 9;
const PER_BLOCK = 20_000;

/** Rules of which the last is about the call. */
function policyText(rules) {
  const others = Array.from({ length: rules - 1 }, (_, i) => ({
    ...{ name: `r${i}`, priority: i, effect: 'block' },
    match: { tool_names: [`tool.other${i}`], risk_classes: ['low', 'high'] },
  }));
  const last = {
    ...{ name: 'last', priority: rules, effect: 'allow', match: { tool_names: ['tool.write'] } },
    endpoint: { path_allowlist: ['/data/**'], path_denylist: ['**/.env'] },
  };
  return JSON.stringify({ default_verdict: 'block', rules: [...others, last] });
}

const CALL = JSON.stringify({
  ...{ tool_name: 'tool.write', args: { path: '/data/a' } },
  targets: [{ kind: 'path', value: '/data/a', operation: 'write' }],
  context: { identity: 'bench', workspace: '/repo', risk_class: 'low' },
});

/** Microseconds that a call takes: the median of blocks. */
function timed(call, count = PER_BLOCK) {
  const times = [];
  for (let block = 0; block < BLOCKS + 2; block += 1) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i += 1) call();
    if (block >= 2) times.push(Number(process.hrtime.bigint() - start) / 1000 / count);
  }
  return median(times);
}

/** What each further target of a call costs: it is judged alone too. Read anew each time, so that nothing is known of it. */
function perTarget() {
  const policy = parsePolicy(Buffer.from(policyText(10)), 'the policy');
  const [one, many] = [1, 16].map((count) => {
    const targets = Array.from({ length: count }, (_, i) => ({
      ...{ kind: 'path', value: `/data/${i}`, operation: 'write' },
    }));
    const bytes = Buffer.from(JSON.stringify({ ...JSON.parse(CALL), targets }));
    const read = () => parseIntent(bytes, 'the call');
    if (evaluate(policy, read(), NO_CONTEXT, NOW).verdict !== 'allow')
      throw new Error('the call is not allowed');
    return timed(() => evaluate(policy, read(), NO_CONTEXT, NOW), PER_BLOCK / 10);
  });
  const each = (many - one) / 15;
  const rival = `a call of one ${one.toFixed(1)} µs`;
  row('read and judge one target more', `${each.toFixed(1)} µs`, rival, each / one);
}

export async function benchGate(dir) {
  const request = parseIntent(Buffer.from(CALL), 'the call');
  const parse = timed(() => JSON.parse(CALL));
  for (const rules of [10, 100]) {
    const policy = parsePolicy(Buffer.from(policyText(rules)), 'the policy');
    if (evaluate(policy, request, NO_CONTEXT, NOW).verdict !== 'allow')
      throw new Error('the call is not allowed');
    const time = timed(() => evaluate(policy, request, NO_CONTEXT, NOW));
    const bar = rules === 10 ? ['≤ 20 µs', time <= 20] : [];
    row(
      `judge by ${rules} rules`,
      `${time.toFixed(1)} µs`,
      `JSON.parse of the call ${parse.toFixed(1)} µs`,
      time / parse,
      ...bar,
    );
  }
  perTarget();
  const [policy, call] = ['policy.yaml', 'call.json'].map((name) => join(dir, name));
  writeFileSync(policy, policyText(10));
  writeFileSync(call, CALL);
  fromCold('policy test, from cold', ['policy', 'test', policy, call, '--json'], ANY);
  const key = join(dir, 'gate_private.key');
  createKeyFiles(keyPaths(dir, 'gate'), false);
  const state = ['--state-dir', join(dir, 'gate'), '--private-key', key];
  const asked = ['gate', 'eval', '--policy', policy, '--intent', call, ...state, '--json'];
  fromCold('gate eval, from cold', asked, HOT);
}
