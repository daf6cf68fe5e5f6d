// Builds what gait ships: dist/ (the library, with types), bundle/ (the command) and oclif.manifest.json.
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureInstalled, ROOT, run, tool } from './run.mjs';

const GENERATED = 'schema/generated';

/** The library: TypeScript to JavaScript, file by file. */
async function buildLibrary() {
  const { compileSchemas } = await import('./schemas.mjs');
  await compileSchemas();
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  run(tool('tsc'), ['-p', 'tsconfig.lib.json']);
  cpSync(join(ROOT, 'src', GENERATED), join(ROOT, 'dist', GENERATED), { recursive: true });
}

/** The command: one bundle in chunks, so that a command loads no more than it uses. */
async function buildBundle() {
  const { build } = await import('esbuild');
  rmSync(join(ROOT, 'bundle'), { recursive: true, force: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: { main: 'src/main.ts', oclif: 'src/oclif.ts' },
    outdir: 'bundle',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    chunkNames: 'chunks/[name]-[hash]',
    external: ['fs-ext', 'fs-ext-extra-prebuilt', 'typescript', 'ts-node', 'tsx'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    legalComments: 'linked',
    logLevel: 'warning',
  });
  chmodSync(join(ROOT, 'bundle', 'main.js'), 0o755);
}

export async function buildAll() {
  ensureInstalled();
  await buildLibrary();
  await buildBundle();
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await buildAll();
  const { writeManifest } = await import('./manifest.mjs');
  await writeManifest();
}
