// `npm run check:package`: what others see of the package. Packs it, and lets programs of others look at it: publint and
// @arethetypeswrong/cli at its exports, knip at what is dead, typedoc at its documentation (`npm run docs:api` keeps that in
// build/api). They are installed beside the checkout, by their exact versions; where there is no registry it says so and ends.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildAll, SUBPATHS } from './build.mjs';
import { childEnv, ROOT, run } from './run.mjs';

const TOOLS = {
  publint: '0.3.25',
  '@arethetypeswrong/cli': '0.18.5',
  knip: '6.44.2',
  typedoc: '0.28.20',
  typescript: '5.9.3',
};

const [only] = process.argv.slice(2);
await buildAll();
const dir = mkdtempSync(join(tmpdir(), 'gait-check-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
writeFileSync(join(dir, 'package.json'), JSON.stringify({ private: true, dependencies: TOOLS }));
const installed = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
  cwd: dir,
  env: process.env,
  stdio: 'inherit',
});
if (installed.status !== 0) {
  console.log('absent: the programs that look at the package could not be installed');
  process.exit(0);
}

const bin = (name) => join(dir, 'node_modules', '.bin', name);
const entries = SUBPATHS.map((name) => `src/${name}.ts`);
const checks = {
  publint: () => run(bin('publint'), ['--strict', ROOT]),
  types() {
    run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', dir], { env: childEnv() });
    const [tarball] = readdirSync(dir).filter((name) => name.endsWith('.tgz'));
    // ESM alone: `require` of it works from Node 20.19 on, which is what `engines` asks for.
    run(bin('attw'), [join(dir, tarball), '--profile', 'esm-only', '--exclude-entrypoints', './schemas/*']);
  },
  dead: () => run(bin('knip'), ['--no-progress']),
  docs() {
    mkdirSync(join(ROOT, 'build'), { recursive: true });
    const out = join(ROOT, 'build', 'api');
    const flags = [
      '--out',
      out,
      '--treatWarningsAsErrors',
      '--readme',
      'none',
      '--tsconfig',
      'tsconfig.lib.json',
    ];
    run(bin('typedoc'), [...flags, '--name', 'gait', ...entries.filter((entry) => entry !== 'src/index.ts')]);
    console.log(`the API reference is in ${out}`);
  },
};
for (const [name, check] of Object.entries(checks)) {
  if (only !== undefined && only !== name) continue;
  console.log(`\n— ${name}`);
  check();
}
