// `npm run test:chaos`: kills and stops real workers over real files, and counts what became of their jobs.
// `--kills N` says how often; 1,000 by default. What is left to chance follows from the seed that it prints, as far as
// processes allow: `GAIT_SEED=N` takes it back. Exit 1 if anything was lost, doubled, or done twice at a time.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildAll } from './build.mjs';
import { ROOT, run, tool } from './run.mjs';

const { values } = parseArgs({ options: { kills: { type: 'string', default: '1000' } } });
const kills = Number(values.kills);
if (!Number.isSafeInteger(kills) || kills < 1) throw new Error(`--kills is no number: ${values.kills}`);

await buildAll();
run(tool('tsc'), ['-p', 'tsconfig.json']);
cpSync(join(ROOT, 'src/schema/generated'), join(ROOT, 'build/src/schema/generated'), { recursive: true });
process.env.GAIT_ROOT = ROOT;
const { chaos, WHOLE } = await import('../build/test/chaos/lane.js');
const { SEED } = await import('../build/test/support/seed.js');
const { broken, tableOf } = await import('../build/test/chaos/table.js');

console.error(`seed ${SEED}`);
const started = performance.now();
const outcome = await chaos({ ...WHOLE, kills }, (line) => console.error(line));
for (const line of tableOf(outcome)) console.log(line);
console.error(`${Math.round((performance.now() - started) / 1000)} s`);
for (const fault of outcome.faults) console.error(`FAULT ${fault}`);
process.exit(outcome.faults.length > 0 || broken(outcome).length > 0 ? 1 : 0);
