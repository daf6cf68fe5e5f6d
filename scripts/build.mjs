// Builds what gait ships: dist/ (the library, with types), bundle/ (the command) and oclif.manifest.json.
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureInstalled, ROOT, started, tool } from './run.mjs';

const GENERATED = 'schema/generated';

/** What everything else is compiled with. */
export async function prepare() {
  ensureInstalled();
  const { compileSchemas } = await import('./schemas.mjs');
  await compileSchemas();
}

/** The library: TypeScript to JavaScript, file by file. `check` is false where its types are checked beside. */
async function buildLibrary(check) {
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  await started(tool('tsc'), ['-p', 'tsconfig.lib.json', ...(check ? [] : ['--noCheck'])]);
  cpSync(join(ROOT, 'src', GENERATED), join(ROOT, 'dist', GENERATED), { recursive: true });
}

const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  minifyWhitespace: true,
  minifySyntax: true,
  external: ['fs-ext', 'fs-ext-extra-prebuilt', 'typescript', 'ts-node', 'tsx'],
  legalComments: 'linked',
  logLevel: 'warning',
};

/**
 * The command: a bundle in chunks, so that a command loads no more than it uses, and in CommonJS, which Node loads in
 * half the time of ES modules. esbuild splits only ES modules, so each chunk is made into CommonJS after that.
 */
async function buildBundle() {
  const esbuild = await import('esbuild');
  rmSync(join(ROOT, 'bundle'), { recursive: true, force: true });
  const { outputFiles } = await esbuild.build({
    ...COMMON,
    entryPoints: { main: 'src/main.ts' },
    outdir: 'bundle',
    splitting: true,
    format: 'esm',
    chunkNames: 'chunks/[name]-[hash]',
    outExtension: { '.js': '.cjs' },
    write: false,
  });
  mkdirSync(join(ROOT, 'bundle', 'chunks'), { recursive: true });
  for (const { path, text } of outputFiles) {
    writeFileSync(path, path.endsWith('.cjs') ? await toCommonJs(esbuild, text) : text);
  }
  chmodSync(join(ROOT, 'bundle', 'main.cjs'), 0o755);
  await esbuild.build({
    ...COMMON,
    entryPoints: { guard_main: 'src/host/process/guard_main.ts' },
    outdir: 'bundle/chunks',
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
  });
  await esbuild.build({
    ...COMMON,
    entryPoints: { oclif: 'src/oclif.ts' },
    outdir: 'bundle',
    format: 'esm',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
}

async function toCommonJs(esbuild, text) {
  const { code } = await esbuild.transform(text, {
    format: 'cjs',
    platform: 'node',
    target: COMMON.target,
    minifyWhitespace: true,
    minifySyntax: true,
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': '__filename' },
    legalComments: 'inline',
  });
  return code;
}

/** The rest, once {@link prepare} is done. */
export async function buildRest({ check = true } = {}) {
  await Promise.all([buildLibrary(check), buildBundle()]);
}

export async function buildAll() {
  await prepare();
  await buildRest();
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await buildAll();
  const { writeManifest } = await import('./manifest.mjs');
  await writeManifest();
}
