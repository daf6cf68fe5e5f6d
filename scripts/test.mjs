// `npm test`: installs what is missing, builds, checks types, lint and format, and runs every test.
// With arguments, runs only the test files whose path contains one of them, those with a lane of their own too.
// All that tests leave to chance follows from one seed: that of GAIT_SEED, a fresh one with `--random`, or a fixed one.
import { randomInt } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildAll } from './build.mjs';
import { childEnv, ROOT, run, tool } from './run.mjs';

const { values, positionals: wanted } = parseArgs({
  options: { random: { type: 'boolean', default: false } },
  allowPositionals: true,
});
/** Too long for every run: `npm run test:interop` and CI run them. */
const LANES = ['interop/corpus.test.js'];
/** Rooms whose tests leave no trace in their process. */
const PURE = ['core', 'gate', 'job', 'pack', 'run', 'signing', 'zip'];
const GROUP = 8;

await buildAll();
run(tool('biome'), ['ci', '--error-on-warnings', '.']);
run(tool('tsc'), ['-p', 'tsconfig.json']);
cpSync(join(ROOT, 'src/schema/generated'), join(ROOT, 'build/src/schema/generated'), { recursive: true });

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
run(process.execPath, ['--test', '--test-concurrency=4', ...grouped(files)], {
  env: childEnv({ GAIT_ROOT: ROOT, GAIT_SEED: String(SEED) }),
});

/**
 * Each file that Node is given is a process of its own, which reads half of gait anew. So the tests of pure code come
 * several files to a process.
 */
function grouped(names) {
  const isPure = (name) => PURE.some((room) => name.startsWith(`${room}/`));
  const groups = names.filter(isPure).reduce((all, name, index) => {
    if (index % GROUP === 0) all.push([]);
    all.at(-1).push(name);
    return all;
  }, []);
  const folder = join(ROOT, 'build/test_groups');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const paths = groups.map((group, index) => {
    const path = join(folder, `group_${index + 1}.mjs`);
    writeFileSync(path, group.map((name) => `import '../test/${name}';\n`).join(''));
    return path;
  });
  return [...names.filter((name) => !isPure(name)).map((name) => join('build/test', name)), ...paths];
}
