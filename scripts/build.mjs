// Builds what gait ships: lib/ (the library) and its types in dist/, bundle/ (the command) and oclif.manifest.json.
import { chmodSync, cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureInstalled, ROOT, started, tool } from './run.mjs';

const GENERATED = 'schema/generated';

/** What everything else is compiled with. */
export async function prepare() {
  ensureInstalled();
  const { compileSchemas } = await import('./schemas.mjs');
  await compileSchemas();
}

/** The library file by file: scripts and the kit take single files. With its types, unless those are checked beside. */
async function buildFiles(check) {
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  const types = ['-p', 'tsconfig.lib.json', '--emitDeclarationOnly'];
  await Promise.all([transpile(['src'], 'dist'), ...(check ? [started(tool('tsc'), types)] : [])]);
}

/** A statement that takes something from a file, and the call. A test of imports has the text of such calls in it, of files of one letter. */
const STATEMENT = /^((?:import|export|\} from)\b[^\n]*["']\.[^"'\n]+)\.ts(["'];?)$/gm;
const IMPORT_CALL = /(\bimport\(["']\.\.?\/(?![a-z]\.ts)[^"'\n]+)\.ts(["']\))/g;

/** TypeScript to JavaScript, file by file, with no look at types. */
export async function transpile(folders, out) {
  const esbuild = await import('esbuild');
  const named = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true }).map((name) => join(folder, name)),
  );
  const entryPoints = named.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'));
  const outbase = folders.length === 1 ? folders[0] : '.';
  const how = { absWorkingDir: ROOT, entryPoints, outdir: out, outbase, write: false };
  const { outputFiles } = await esbuild.build({
    ...how,
    format: 'esm',
    platform: 'node',
    target: COMMON.target,
  });
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replaceAll(STATEMENT, '$1.js$2').replaceAll(IMPORT_CALL, '$1.js$2'));
  }
  const src = folders.length === 1 ? out : join(out, 'src');
  cpSync(join(ROOT, 'src', GENERATED), join(ROOT, src, GENERATED), { recursive: true });
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

/** Plugins of oclif are loaded by oclif as it is installed: in a bundle it could not find them. */
const PLUGINS_APART = {
  name: 'plugins apart',
  setup(build) {
    build.onResolve({ filter: /\/plugins\.ts$/ }, () => ({ path: './plugins.cjs', external: true }));
  },
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
    plugins: [PLUGINS_APART],
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
    entryPoints: { plugins: 'src/plugins.ts' },
    outdir: 'bundle',
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    external: [...COMMON.external, '@oclif/core'],
    define: { 'import.meta.url': '__filename' },
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

/** The subpaths of the library, which share chunks: an import loads no more files than it has to. */
export const SUBPATHS = ['index', 'job', 'gate', 'pack', 'run', 'log', 'testing'];

async function buildLibrary() {
  const esbuild = await import('esbuild');
  rmSync(join(ROOT, 'lib'), { recursive: true, force: true });
  // What is small and needed at once is in it; what opens zips and policies is loaded with those.
  const external = [...COMMON.external, 'yaml', 'yauzl', 'yazl'];
  const library = { ...COMMON, external, format: 'esm' };
  await esbuild.build({
    ...library,
    entryPoints: Object.fromEntries(SUBPATHS.map((name) => [name, `src/${name}.ts`])),
    outdir: 'lib',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
  });
  await esbuild.build({
    ...library,
    entryPoints: { guard_main: 'src/host/process/guard_main.ts' },
    outdir: 'lib/chunks',
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
  await Promise.all([buildFiles(check), buildLibrary(), buildBundle()]);
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
