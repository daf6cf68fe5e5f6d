// `npm run test:hardship`: every system call of whole commands failed once and killed once, and places in which gait has
// it hard; a table of each. `--only TEXT` the commands and places whose name contains it, `--every N` each Nth trial
// only, `--at-once N` so many at a time. Exit 1 if anything was lost, doubled, misreported or stuck, or did not hold.
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildAll } from './build.mjs';
import { childEnv, ROOT, run, tool } from './run.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    every: { type: 'string', default: '1' },
    'at-once': { type: 'string', default: '2' },
  },
});

await buildAll();
run(tool('tsc'), ['-p', 'tsconfig.json']);
cpSync(join(ROOT, 'src/schema/generated'), join(ROOT, 'build/src/schema/generated'), { recursive: true });
process.env.GAIT_ROOT = ROOT;
const { everyCall } = await import('../build/test/hardship/calls.js');
const { hardPlaces } = await import('../build/test/hardship/places/all.js');
const { sound, tableOfCalls, tableOfPlaces } = await import('../build/test/hardship/report.js');
const { straceHere } = await import('../build/test/hardship/strace.js');

const say = (line) => console.error(line);
const atOnce = number('at-once');
const sampling = { only: values.only, every: number('every'), atOnce };
const started = performance.now();
if (!straceHere()) install('strace');
const calls = straceHere() ? await everyCall(sampling, say) : [];
const places = await hardPlaces(values.only, atOnce, say);
if (straceHere()) for (const line of tableOfCalls(calls)) console.log(line);
else console.log('strace is absent: no system call was failed');
for (const line of ['', ...tableOfPlaces(places)]) console.log(line);
console.error(`${Math.round((performance.now() - started) / 1000)} s`);
process.exit(sound(calls, places) ? 0 : 1);

function number(name) {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} is no number: ${values[name]}`);
  return value;
}

/** As far as that can be done here. */
function install(name) {
  if (process.platform !== 'linux' || process.getuid() !== 0) return;
  const apt = (...args) => spawnSync('apt-get', args, { env: childEnv(), stdio: 'ignore' }).status === 0;
  if (!apt('install', '-y', name)) apt('update') && apt('install', '-y', name);
}
