import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { canonicalBytes } from '../../src/core/canonical.ts';
import { memberOf, streamedMember } from '../../src/pack/build.ts';
import { recordRun } from '../../src/run/record.ts';
import { buildRunpack, manifestDigestOf } from '../../src/run/runpack.ts';
import type { ByteSource } from '../../src/zip/source.ts';
import { writeZipAtomically } from '../../src/zip/writer.ts';
import { childEnv } from '../support/child_env.ts';
import { BINARY, sharedWorkspace, type Workspace } from '../support/cli.ts';

const MIB = 1024 * 1024;
const MEMBER = 'attachments/big.bin';
const MEMBER_BYTES = 96 * MIB;
/** Less than the member once; what is read in pieces is not collected at once. */
const MAX_MORE = 72 * MIB;
const MAX_PEAK = 200 * MIB;

/** Ends a process by writing down the most memory it had. Not by getrusage, which counts the parent in. */
const PEAK_SCRIPT = `
process.on('exit', () => {
  const { readFileSync, writeFileSync } = require('node:fs');
  let kib = process.resourceUsage().maxRSS;
  try {
    kib = Number(/^VmHWM:\\s+(\\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  } catch {}
  writeFileSync(process.env.GAIT_PEAK_FILE, String(kib * 1024));
});
`;

const BAR = /[█░]{24} \d+ % \d+ MB\/s/;
/** The line is cleared when the work is done. */
const BAR_GONE = '\r\u001b[K';

/** Bytes that are made when they are asked for. */
function madeSource(size: number): ByteSource {
  return {
    size,
    read: (offset, length) => Buffer.alloc(Math.max(0, Math.min(length, size - offset)), 'what a tool saw\n'),
  };
}

/** Writes a sound runpack of a run with the id `name`, with a member that only its manifest knows. */
async function writeRunpack(w: Workspace, name: string, size: number): Promise<void> {
  const input = {
    run: { run_id: name, created_at: '2026-01-01T00:00:00Z' },
    intents: [{ intent_id: 'i1', tool_name: 'tool.read', args: { path: '/srv/data' } }],
    results: [{ intent_id: 'i1', status: 'ok', result: { bytes: size } }],
  };
  const machine = { os: 'linux', arch: 'amd64', runtime: 'node' };
  const { manifest, members } = buildRunpack(recordRun(input, { now: '2026-01-01T00:00:00Z', machine }));
  const large = streamedMember(MEMBER, madeSource(size));
  const files = [{ path: MEMBER, sha256: large.sha256 }, ...(manifest.files ?? [])];
  const undigested = { ...manifest, files, manifest_digest: '' };
  const whole = { ...undigested, manifest_digest: manifestDigestOf(undigested) };
  const others = members.filter((member) => member.name !== 'manifest.json');
  await writeZipAtomically(w.path(`${name}.zip`), [
    large,
    ...others.map(({ name: path, bytes }) => memberOf(path, bytes)),
    memberOf('manifest.json', canonicalBytes(whole)),
  ]);
}

describe('a pack with a large member', { concurrency: 1 }, () => {
  const shared = sharedWorkspace(async (w) => {
    await writeFile(w.path('peak.cjs'), PEAK_SCRIPT);
    await writeRunpack(w, 'small', 16);
    await writeRunpack(w, 'large', MEMBER_BYTES);
    await w.ok('pack build --from ./small.zip --out small.pack.zip');
    await w.ok('pack build --from ./large.zip --out large.pack.zip');
  });

  /** The most memory that a command had, in bytes. It has no terminal, so it shows no bar. */
  async function peakOf(line: string): Promise<number> {
    const w = shared();
    const preload = `--require ${JSON.stringify(w.path('peak.cjs'))}`;
    const env = { NODE_OPTIONS: preload, GAIT_PEAK_FILE: w.path('peak') };
    const { exit, stderr } = await w.gait(`${line} --json`, { env });
    assert.deepEqual({ exit, stderr }, { exit: 0, stderr: '' }, line);
    return Number(await readFile(w.path('peak'), 'utf8'));
  }

  const COMMANDS: Readonly<Record<string, (name: string) => string>> = {
    build: (name) => `pack build --from ./${name}.zip --out ${name}.again.zip`,
    verify: (name) => `pack verify ${name}.pack.zip`,
    diff: (name) => `pack diff ${name}.pack.zip ${name}.pack.zip`,
  };
  for (const [what, line] of Object.entries(COMMANDS)) {
    test(`is streamed by ${what}, not held in memory`, async (t) => {
      const [small, large] = [await peakOf(line('small')), await peakOf(line('large'))];
      const [before, after, member] = [small, large, MEMBER_BYTES].map((bytes) => Math.round(bytes / MIB));
      t.diagnostic(`memory: ${before} MiB without it, ${after} MiB with ${member} MiB`);
      assert.ok(large - small < MAX_MORE, `${large - small} bytes more`);
      assert.ok(large < MAX_PEAK, `${large} bytes`);
    });
  }

  test('shows a bar on a terminal, which never gets into the output', async (t) => {
    if (!hasPty()) return t.skip('there is no script(1) of util-linux to make a terminal');
    for (const line of [
      'pack build --from ./large.zip --out shown.zip',
      'pack verify large.pack.zip --json',
    ]) {
      const { terminal, stdout } = await onTerminal(shared(), line);
      assert.match(terminal, BAR, line);
      assert.ok(terminal.endsWith(BAR_GONE), JSON.stringify(terminal.slice(-60)));
      for (const char of ['\r', '\u001b', '█', '░']) assert.ok(!stdout.includes(char), line);
      if (line.endsWith('--json')) assert.match(stdout, /^\{.*"ok":true.*\}\n$/);
    }
  });

  test('shows none for what is over before it could be read', async (t) => {
    if (!hasPty()) return t.skip('there is no script(1) of util-linux to make a terminal');
    const { terminal } = await onTerminal(shared(), 'pack verify small.pack.zip');
    assert.equal(terminal, '');
  });
});

function hasPty(): boolean {
  const { stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' });
  return typeof stdout === 'string' && stdout.includes('util-linux');
}

/** Runs gait with a terminal for its standard error and a file for its standard output. */
async function onTerminal(w: Workspace, line: string): Promise<{ terminal: string; stdout: string }> {
  const inherited = Object.entries(childEnv()).filter(([name]) => !name.startsWith('GAIT_'));
  const own = { GAIT_NODE: process.execPath, GAIT_MAIN: BINARY, SHELL: '/bin/sh', TERM: 'xterm' };
  const command = `exec "$GAIT_NODE" "$GAIT_MAIN" ${line} > stdout.txt`;
  const ended = spawnSync('script', ['-qec', command, '/dev/null'], {
    cwd: w.dir,
    env: { ...Object.fromEntries(inherited), ...own },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  assert.equal(ended.status, 0, `${line}: ${ended.stdout}${ended.stderr}`);
  return { terminal: ended.stdout, stdout: await readFile(w.path('stdout.txt'), 'utf8') };
}
