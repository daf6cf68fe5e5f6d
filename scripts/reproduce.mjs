// `npm run reproduce`: builds the same packs under each supported Node version and in several time zones, and compares
// them byte for byte. Exit 0 all the same, 1 a difference, 7 a Node version that could not be had.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildAll } from './build.mjs';
import { childEnv, ROOT } from './run.mjs';

const MAJORS = [20, 22, 24];
const ZONES = ['UTC', 'Asia/Kathmandu', 'America/Sao_Paulo'];
const LOCALES = ['C', 'tr_TR.UTF-8', 'de_DE.UTF-8'];

const DIR = mkdtempSync(join(tmpdir(), 'gait-reproduce-'));
const BASE = join(DIR, 'base');

/** A run whose JSON can be written in many ways: order of keys, numbers, other scripts, times with an offset. */
const RUN = {
  results: [
    {
      status: 'ok',
      intent_id: 'i1',
      result: { z: 1e21, a: [0.1, 1e-7, 100, -0.5], Ω: 'é\u0301 ﬀ 𝄞', 10: 'ten', 9: 'nine' },
    },
    {
      status: 'error',
      intent_id: 'i2',
      result: { 'a\u20ac': null, 'a\ufb33': true, 'a\ud83d\ude00': '\u0001\t"\\/' },
    },
  ],
  intents: [
    { tool_name: 'tool.read', intent_id: 'i1', args: { path: '/srv/größe', limit: 100 } },
    {
      tool_name: 'tool.write',
      intent_id: 'i2',
      args: { rows: Array.from({ length: 500 }, (_, n) => ({ n, half: n / 2 })) },
    },
  ],
  run: {
    run_id: 'night',
    created_at: '2026-03-29T02:30:00.5+05:45',
    env: { os: 'linux', arch: 'amd64', runtime: 'any' },
    timeline: [{ event: 'started', ts: '2026-03-29T02:30:00.5-03:00' }],
  },
};

/** What is built, by the file it ends up in, with the command that builds it. In this order: a pack is built of what stands before it. */
const KEY = ['--private-key', 'keys/gait_private.key'];
const RAW = ['run', 'record', 'run.json', '--capture-mode', 'raw'];
const ARTIFACTS = [
  { name: 'runpack', file: 'ref/runpack_night.zip', args: ['run', 'record', 'run.json', '--out-dir', 'ref'] },
  {
    name: 'runpack, raw and signed',
    file: 'raw/runpack_night.zip',
    args: [...RAW, '--out-dir', 'raw', ...KEY],
  },
  {
    name: 'run pack',
    file: 'run.zip',
    args: ['pack', 'build', './ref/runpack_night.zip', '--out', 'run.zip'],
  },
  {
    name: 'run pack, raw and signed',
    file: 'raw.zip',
    args: ['pack', 'build', './raw/runpack_night.zip', '--out', 'raw.zip', ...KEY],
  },
  {
    name: 'job pack',
    file: 'job.zip',
    args: ['pack', 'build', '--type', 'job', '--from', 'nightly', '--out', 'job.zip'],
  },
  {
    name: 'job pack, signed',
    file: 'job-signed.zip',
    args: ['pack', 'build', '--type', 'job', '--from', 'nightly', '--out', 'job-signed.zip', ...KEY],
  },
];

/** Runs gait under a Node; throws with what it printed unless it succeeds. */
function gait(node, args, cwd, env = {}) {
  const own = Object.entries(childEnv(env)).filter(([name]) => !name.startsWith('GAIT_'));
  const { status, stdout, stderr, error } = spawnSync(node, [join(ROOT, 'bundle', 'main.cjs'), ...args], {
    cwd,
    env: Object.fromEntries(own),
    encoding: 'utf8',
  });
  if (status === 0) return;
  throw new Error(`gait ${args.join(' ')}: exit ${status}\n${stdout}${stderr}${error?.message ?? ''}`);
}

/** What all builds start from: a job that lived through everything, the input of a run, and a key. */
function makeBase() {
  mkdirSync(BASE);
  writeFileSync(join(BASE, 'run.json'), JSON.stringify(RUN));
  const job = (...args) =>
    gait(process.execPath, ['job', ...args, '--id', 'nightly', '--actor', 'agent'], BASE);
  gait(process.execPath, ['keys', 'init', '--out-dir', 'keys'], BASE);
  job('submit', '--reason', 'größer, 更大 and \u{1f600}');
  for (let i = 1; i <= 12; i += 1) job('checkpoint', 'add', '--summary', `${i} of 12 tables done`);
  job(
    'checkpoint',
    'add',
    '--type',
    'decision-needed',
    '--summary',
    'ready',
    '--required-action',
    'publish?',
  );
  job('approve', '--reason', 'looked at it');
  job('resume');
  job('checkpoint', 'add', '--type', 'completed', '--summary', 'published');
}

/** The path of a Node of a major version: the one that runs this, or one that npm installs; undefined if it cannot. */
function nodeOf(major) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const { platform, arch } = process;
  const name = `node-${platform === 'win32' ? 'win' : platform}-${arch}`;
  const prefix = join(DIR, `node-${major}`);
  mkdirSync(prefix);
  const args = ['install', '--prefix', prefix, '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  spawnSync('npm', [...args, `${name}@${major}`], { cwd: DIR, stdio: ['ignore', 'ignore', 'inherit'] });
  const bin = join(prefix, 'node_modules', name, 'bin', platform === 'win32' ? 'node.exe' : 'node');
  return existsSync(bin) ? bin : undefined;
}

function versionOf(node) {
  return spawnSync(node, ['--version'], { env: childEnv(), encoding: 'utf8' }).stdout?.trim() ?? '';
}

/** Builds everything in a copy of the base, verifies it there, and answers the digest of each file. */
function buildWith(node, zone, locale, dir) {
  cpSync(BASE, dir, { recursive: true });
  const env = { TZ: zone, LANG: locale, LC_ALL: locale };
  return ARTIFACTS.map(({ file, args }) => {
    gait(node, args, dir, env);
    gait(node, ['pack', 'verify', file], dir, env);
    return createHash('sha256')
      .update(readFileSync(join(dir, file)))
      .digest('hex');
  });
}

function print(table) {
  const widths = table[0].map((_, i) => Math.max(...table.map((cells) => cells[i].length)));
  for (const cells of table) console.log(`| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`);
}

function reproduce() {
  makeBase();
  const missing = [];
  const builds = [];
  for (const major of MAJORS) {
    const node = nodeOf(major);
    if (node === undefined) {
      missing.push(major);
      continue;
    }
    const version = versionOf(node);
    for (const [i, zone] of ZONES.entries()) {
      const digests = buildWith(node, zone, LOCALES[i], join(DIR, `build-${major}-${i}`));
      builds.push({ version, zone, locale: LOCALES[i], digests });
    }
  }
  const short = (digest) => digest.slice(0, 12);
  const header = ['node', 'zone', 'locale', ...ARTIFACTS.map(({ name }) => name)];
  const rows = builds.map(({ version, zone, locale, digests }) => [
    version,
    zone,
    locale,
    ...digests.map(short),
  ]);
  print([header, header.map(() => '---'), ...rows]);
  const different = ARTIFACTS.filter((_, i) => new Set(builds.map(({ digests }) => digests[i])).size !== 1);
  for (const { name } of different) console.error(`the ${name} is not the same everywhere`);
  if (missing.length > 0)
    console.error(`Node ${missing.join(' and ')} cannot be installed here, so nothing was built under it`);
  if (different.length > 0) return 1;
  console.log(
    `${ARTIFACTS.length} artifacts, ${builds.length} builds of each: every one the same to the last byte`,
  );
  return missing.length > 0 ? 7 : 0;
}

await buildAll();
try {
  process.exitCode = reproduce();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(DIR, { recursive: true, force: true });
}
