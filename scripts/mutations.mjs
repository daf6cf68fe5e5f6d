// `npm run test:mutations`: signed evidence of every kind, changed and sealed anew by whoever has no key; counted.
// `--count N` of each kind; 10,000 by default. All follows from the seed that it prints: `GAIT_SEED=N` takes it back.
// Exit 1 if a verdict under the expected key told anything else than before.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildAll } from './build.mjs';
import { ROOT, run, tool } from './run.mjs';

const { values } = parseArgs({ options: { count: { type: 'string', default: '10000' } } });
const count = Number(values.count);
if (!Number.isSafeInteger(count) || count < 1) throw new Error(`--count is no number: ${values.count}`);

await buildAll();
run(tool('tsc'), ['-p', 'tsconfig.json']);
cpSync(join(ROOT, 'src/schema/generated'), join(ROOT, 'build/src/schema/generated'), { recursive: true });
process.env.GAIT_ROOT = ROOT;
const { mutations } = await import('../build/test/evidence/lane.js');
const { SEED } = await import('../build/test/support/seed.js');

console.error(`seed ${SEED}`);
const started = performance.now();
const tallies = await mutations(count, (line) => console.log(line));
console.error(`${Math.round((performance.now() - started) / 1000)} s`);
const changed = tallies.flatMap(({ kind, changed }) => changed.map((told) => [kind, told]));
for (const [kind, told] of changed) if (told !== '') console.error(`CHANGED ${kind}: ${told}`);
process.exit(changed.length > 0 ? 1 : 0);
