// `npm test`: installs what is missing, builds, checks types, lint and format, and runs every test.
// With arguments, runs only the test files whose path contains one of them, those with a lane of their own too.
// All that tests leave to chance follows from one seed: that of GAIT_SEED, a fresh one with `--random`, or a fixed one.
import { randomInt } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildRest, prepare, transpile } from './build.mjs';
import { childEnv, ROOT, started, tool } from './run.mjs';

const { values, positionals: wanted } = parseArgs({
  options: { random: { type: 'boolean', default: false }, thorough: { type: 'boolean', default: false } },
  allowPositionals: true,
});
/** Too long for every run: `npm run test:interop` and CI run them. */
const LANES = ['interop/corpus.test.js'];
/** Files that are long or mostly wait for processes: each is a process of its own, and the first ones start first. */
const ALONE = [
  'simulate/simulate',
  'chaos/chaos',
  'cli/job_work',
  'cli/replay',
  'cli/job_run_ended',
  'run/session_fuzz',
  'cli/both_ways',
  'cli/job_run_gone',
  'cli/durability',
  'log/hammer',
  'log/faults',
  'tck',
  'cli/guard',
  'cli/broker_process',
  'guide',
  'log/crash',
  'cli/streams',
  'cli/verify_offline',
  'job/workspace_processes',
];
/** So many of the others share a process: each process reads half of gait anew. */
const GROUP = 16;

await prepare();
// Types and form are looked at beside the tests, which need neither.
const beside = Promise.all([
  started(tool('tsc'), ['-p', 'tsconfig.json', '--noEmit']),
  started(tool('biome'), ['ci', '--error-on-warnings', '.']),
]);
rmSync(join(ROOT, 'build/test'), { recursive: true, force: true });
await Promise.all([buildRest({ check: false }), transpile(['src', 'test', 'scripts'], 'build')]);

// What is long by its nature is done whole: more seeds, more processes, more bombs.
if (values.thorough) process.env.GAIT_THOROUGH = '1';
if (values.random) process.env.GAIT_SEED = String(randomInt(2 ** 31));
const { SEED } = await import('../build/test/support/seed.js');
const again = ['npm test', ...(wanted.length > 0 ? ['--', ...wanted] : [])].join(' ');
const repeat = `seed ${SEED} (GAIT_SEED=${SEED} ${again} repeats it)`;
console.log(repeat);
process.on('exit', (code) => {
  if (code !== 0) console.error(repeat);
});

const files = readdirSync(join(ROOT, 'build/test'), { recursive: true })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) =>
    wanted.length === 0
      ? !LANES.some((lane) => name.endsWith(lane))
      : wanted.some((part) => name.includes(part)),
  )
  .sort();
// Some files mostly wait for processes: four at a time fill two cores.
await started(process.execPath, ['--test', '--test-concurrency=4', ...grouped(files)], {
  env: childEnv({ GAIT_ROOT: ROOT, GAIT_SEED: String(SEED) }),
});
await beside;

/** Files that import the test files of one process each, named in the order in which they start. */
function grouped(names) {
  const alone = ALONE.map((name) => `${name}.test.js`).filter((name) => names.includes(name));
  const others = names.filter((name) => !alone.includes(name));
  const groups = alone.map((name) => [name]);
  for (let at = 0; at < others.length; at += GROUP) groups.push(others.slice(at, at + GROUP));
  const folder = join(ROOT, 'build/test_groups');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  return groups.map((group, index) => {
    const path = join(folder, `${String(index + 1).padStart(2, '0')}.test.mjs`);
    writeFileSync(path, group.map((name) => `import '../test/${name}';\n`).join(''));
    return path;
  });
}
