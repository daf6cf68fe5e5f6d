import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { canonicalBytes } from '../../src/core/canonical.ts';
import type { ByteSource } from '../../src/files/source.ts';
import { memberOf, streamedMember } from '../../src/pack/build.ts';
import { recordRun } from '../../src/run/record.ts';
import { buildRunpack, manifestDigestOf } from '../../src/run/runpack.ts';
import { writeZipAtomically } from '../../src/zip/writer.ts';
import { childEnv } from '../support/child_env.ts';
import { BINARY, sharedWorkspace, type Workspace } from '../support/cli.ts';

const MIB = 1024 * 1024;
const MEMBER = 'attachments/big.bin';
const MEMBER_BYTES = 96 * MIB;
/** No piece of what is streamed is larger, and no more than this is ever read and not yet passed on. */
const MAX_HELD = 4 * MIB;

/**
 * Loaded into a command and its threads: writes down at the end how many bytes were read, the largest piece that was
 * read, made, digested or written, and the most that was read before any of it was digested or written.
 */
const WATCH_SCRIPT = `
const fs = require('node:fs');
const { Hash } = require('node:crypto');
const zlib = require('node:zlib');
const { appendFileSync } = fs;
let [read, passed, largest, waiting] = [0, 0, 0, 0];
const piece = (count) => { largest = Math.max(largest, count); };
const gave = (count) => { piece(count); read += count; waiting = Math.max(waiting, read - passed); };
const took = (count) => { piece(count); passed = Math.min(read, passed + count); };
const watch = (of, name, note) => {
  const plain = of[name];
  of[name] = function (...args) {
    const answer = plain.apply(this, args);
    note(answer, args);
    return answer;
  };
};
watch(fs, 'readSync', (count) => gave(count));
watch(fs, 'readFileSync', (bytes) => gave(bytes.length));
watch(fs, 'writeSync', (count) => took(count));
watch(Hash.prototype, 'update', (_, [bytes]) => took(bytes.length));
watch(zlib, 'crc32', (_, [bytes]) => took(bytes.length));
watch(zlib, 'inflateRawSync', ({ buffer }) => piece(buffer.length));
for (const name of ['concat', 'alloc', 'allocUnsafe', 'allocUnsafeSlow', 'from'])
  watch(Buffer, name, (bytes) => piece(bytes.length));
process.on('exit', () => appendFileSync(process.env.GAIT_WATCHED, [read, largest, waiting].join(' ') + '\\n'));
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
    await writeFile(w.path('watch.cjs'), WATCH_SCRIPT);
    await writeRunpack(w, 'small', 16);
    await writeRunpack(w, 'large', MEMBER_BYTES);
    await w.ok('pack build --from ./small.zip --out small.pack.zip');
    await w.ok('pack build --from ./large.zip --out large.pack.zip');
  });

  /** What the threads of a command read and held, in bytes. It has no terminal, so it shows no bar. */
  async function watched(line: string): Promise<readonly [read: number, largest: number, waiting: number][]> {
    const w = shared();
    const seen = w.path(`watched-${line.split(' ')[1]}`);
    const preload = ['--require', w.path('watch.cjs')];
    const { status, stderr } = spawnSync(
      process.execPath,
      [...preload, BINARY, ...line.split(' '), '--json'],
      {
        cwd: w.dir,
        env: { ...childEnv(), GAIT_WATCHED: seen },
        encoding: 'utf8',
      },
    );
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, line);
    const lines = (await readFile(seen, 'utf8')).trimEnd().split('\n');
    return lines.map((text) => text.split(' ').map(Number) as [number, number, number]);
  }

  const COMMANDS: Readonly<Record<string, string>> = {
    build: 'pack build --from ./large.zip --out again.zip',
    verify: 'pack verify large.pack.zip',
    diff: 'pack diff large.pack.zip large.pack.zip',
  };
  for (const [what, line] of Object.entries(COMMANDS)) {
    test(`is streamed by ${what}, not held in memory`, async (t) => {
      const threads = await watched(line);
      t.diagnostic(
        threads.map((of) => of.map((bytes) => `${Math.round(bytes / 1024)} KiB`).join(', ')).join('; '),
      );
      assert.ok(
        threads.some(([read]) => read >= MEMBER_BYTES),
        'it was read, and this was seen',
      );
      for (const [, largest, waiting] of threads) {
        assert.ok(largest <= MAX_HELD, `a piece of ${largest} bytes`);
        assert.ok(waiting <= MAX_HELD, `${waiting} bytes were read before any of them was passed on`);
      }
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
