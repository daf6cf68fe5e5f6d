// `npm run test:oracle`: holds the gate against its contract and against standards (POSIX paths, WHATWG URL). `--pairs N`
// says how many calls are judged under a policy; 200,000 by default. Each spelling of the table is asked of each kind, under
// each way to deny it. What is left to chance follows from the seed that it prints: `GAIT_SEED=N` takes it back. Tells how
// often each verdict came, and how long the slowest call took. Exit 1 if anything did not hold.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare } from './build.mjs';
import { childEnv, ROOT, run, tool } from './run.mjs';

const { values } = parseArgs({ options: { pairs: { type: 'string', default: '200000' } } });
const pairs = Number(values.pairs);
if (!Number.isSafeInteger(pairs) || pairs < 1) throw new Error(`--pairs is no number: ${values.pairs}`);

await prepare();
run(tool('tsc'), ['-p', 'tsconfig.json']);
cpSync(join(ROOT, 'src/schema/generated'), join(ROOT, 'build/src/schema/generated'), { recursive: true });
const { holdAll } = await import('../build/test/gate/oracle/properties.js');
const { SEED } = await import('../build/test/support/seed.js');

console.error(`seed ${SEED}`);
const started = performance.now();
let slowest = 0;
const all = holdAll(pairs, (judge) => {
  const at = performance.now();
  const decision = judge();
  slowest = Math.max(slowest, performance.now() - at);
  return decision;
});
for (const { name, inputs, pairs: judged, verdicts } of all) {
  const each = Object.entries(verdicts).map(([verdict, times]) => `${verdict} ${times}`);
  console.log(`${name}\n  ${inputs} inputs, ${judged} calls: ${each.sort().join(', ')}`);
}
const judged = all.reduce((sum, one) => sum + one.pairs, 0);
console.log(`${judged} calls, the slowest ${Math.round(slowest)} ms`);
console.error(`${Math.round((performance.now() - started) / 1000)} s`);
const faults = all.filter(({ fault }) => fault !== undefined);
for (const { name, fault } of faults) console.error(`FAULT ${name}: ${fault}`);
if (faults.length > 0) process.exit(1);
run(
  process.execPath,
  ['--test', '--test-reporter=dot', join(ROOT, 'build/test/gate/oracle/meanings.test.js')],
  {
    env: childEnv({ GAIT_ORACLE: 'every', GAIT_SEED: String(SEED) }),
  },
);
