// `npm test`: installs what is missing, builds, checks types, lint and format, and runs every test.
// With arguments, runs only the test files whose path contains one of them, those with a lane of their own too.
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll } from './build.mjs';
import { childEnv, ROOT, run, tool } from './run.mjs';

const wanted = process.argv.slice(2);
/** Too long for every run: `npm run test:interop` and CI run them. */
const LANES = ['interop/corpus.test.js'];

await buildAll();
run(tool('biome'), ['ci', '--error-on-warnings', '.']);
run(tool('tsc'), ['-p', 'tsconfig.json']);
cpSync(join(ROOT, 'src/schema/generated'), join(ROOT, 'build/src/schema/generated'), { recursive: true });

const files = readdirSync(join(ROOT, 'build/test'), { recursive: true })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) =>
    wanted.length === 0
      ? !LANES.some((lane) => name.endsWith(lane))
      : wanted.some((part) => name.includes(part)),
  )
  .map((name) => join('build/test', name))
  .sort();
// Some files mostly wait for processes: four at a time fill two cores.
run(process.execPath, ['--test', '--test-concurrency=4', ...files], { env: childEnv({ GAIT_ROOT: ROOT }) });
