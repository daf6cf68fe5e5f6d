import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { childEnv } from '../support/child_env.ts';
import { BINARY, sharedWorkspace, type Workspace } from '../support/cli.ts';
import { approve, ask, checkpoint, submit } from '../support/given.ts';
import { GOLDEN_PUBLIC_FILE, GOLDEN_SEED, privateText } from '../support/keys.ts';
import { record, runInput } from '../support/run_inputs.ts';
import { append, J, START } from '../support/session_lines.ts';
import { runShell } from '../support/shell.ts';
import { PATIENCE_MS } from '../support/until.ts';

/**
 * Loaded before anything else, writes a line for whatever could leave the process, below all of Node's modules: a socket
 * or server of any kind, a question to a name server, another process, another thread.
 */
const WATCH = `
import { createHook } from 'node:async_hooks';
import { appendFileSync } from 'node:fs';
const LEAVES = /^(TCP|UDP|TLS|HTTP|GETADDRINFO|GETNAMEINFO|QUERY|PIPECONNECT|PIPESERVER|PROCESSWRAP|WORKER)/;
const log = process.env.LEAVING_LOG;
appendFileSync(log, 'watching\\n');
createHook({ init: (id, type) => void (LEAVES.test(type) && appendFileSync(log, type + '\\n')) }).enable();
`;

/** Each a way to leave, to nowhere: what is watched for has to be seen. */
const WAYS: Readonly<Record<string, string>> = {
  'net.connect': "require('net').connect(1, '127.0.0.1').on('error', () => {})",
  'net.connect by name': "require('net').connect(1, 'gait.invalid').on('error', () => {})",
  'a local socket': "require('net').connect('/nonexistent/socket').on('error', () => {})",
  'a server': "require('net').createServer().listen(0, function () { this.close() })",
  'tls.connect': "require('tls').connect(1, '127.0.0.1').on('error', () => {})",
  'http.get': "require('http').get('http://127.0.0.1:1').on('error', () => {})",
  'https.get': "require('https').get('https://127.0.0.1:1').on('error', () => {})",
  fetch: "fetch('http://127.0.0.1:59999').catch(() => {})",
  'dns.lookup': "require('dns').lookup('gait.invalid', () => {})",
  'dns.resolve': "new (require('dns').Resolver)({ timeout: 1, tries: 1 }).resolve('gait.invalid', () => {})",
  dgram: "const s = require('dgram').createSocket('udp4'); s.send('x', 1, '127.0.0.1', () => s.close())",
  'another process': "require('child_process').spawn(process.execPath, ['-e', '0'])",
  'another thread': "new (require('worker_threads').Worker)('0', { eval: true })",
};

async function prepare(w: Workspace): Promise<void> {
  await writeFile(w.path('watch.mjs'), WATCH);
  await writeFile(w.path('own.key'), privateText(GOLDEN_SEED), { mode: 0o600 });
  await writeFile(w.path('own.pub'), GOLDEN_PUBLIC_FILE);
  await record(w, runInput(), '--private-key own.key');
  await w.ok('pack build run_demo --private-key own.key --out run.zip');
  for (const command of [submit(), ask(), approve(), checkpoint('progress')])
    await w.jobs.execute('demo', { actor: 'alice' }, command);
  await w.ok('pack build --type job --from demo --out job.zip');
  for (const line of [START, append('one'), `run session checkpoint ${J} --private-key own.key`])
    await w.ok(line);
  await writeFile(w.path('damaged.zip'), await readFile(w.path('run.zip')));
  await appendFile(w.path('damaged.zip'), 'x');
}

const STRICT = '--profile strict --public-key own.pub';
/** What is verified, and the exit code that it ends with. */
const VERIFIED: Readonly<Record<string, number>> = {
  'verify run_demo': 0,
  [`verify run_demo ${STRICT}`]: 0,
  [`verify ./run.zip ${STRICT}`]: 0,
  'verify ./job.zip': 0,
  'verify ./damaged.zip': 2,
  'verify nothing': 6,
  'verify session-chain night_chain.json': 0,
  [`verify session-chain night_chain.json ${STRICT}`]: 0,
  [`pack verify run.zip ${STRICT}`]: 0,
  'pack verify job.zip --extends job.zip': 0,
  'pack inspect run.zip': 0,
  'pack diff run.zip run.zip': 0,
  'run inspect run_demo': 0,
};

describe('nothing leaves the process', { concurrency: 2 }, () => {
  const shared = sharedWorkspace(prepare);
  let logs = 0;

  /** What left, while this was done with the watch in place. */
  async function leaving(act: (env: NodeJS.ProcessEnv) => Promise<void>): Promise<string[]> {
    const w = shared();
    logs += 1;
    const log = w.path(`leaving${logs}.log`);
    const watch = pathToFileURL(w.path('watch.mjs')).href;
    await act({ LEAVING_LOG: log, NODE_OPTIONS: `--import=${watch}` });
    const [first, ...seen] = String(await readFile(log))
      .split('\n')
      .slice(0, -1);
    assert.equal(first, 'watching');
    await rm(log);
    return seen;
  }

  for (const [name, code] of Object.entries(WAYS)) {
    test(`the watch sees ${name}`, async () => {
      const seen = await leaving(async (env) => {
        spawnSync(process.execPath, ['-e', code], { env: { ...childEnv(), ...env }, timeout: PATIENCE_MS });
      });
      assert.notEqual(seen.length, 0);
    });
  }

  for (const [line, exit] of Object.entries(VERIFIED)) {
    test(`while ${line}`, async () => {
      const seen = await leaving(async (env) => {
        const result = await shared().gait(line, { env });
        assert.equal(result.exit, exit, result.stdout + result.stderr);
      });
      assert.deepEqual(seen, []);
    });
  }
});

const isolated = spawnSync('unshare', ['-rn', 'true']).status === 0;
const skip = isolated ? false : 'no network namespace can be made here (unshare -rn)';

describe('where there is no network at all', { skip }, () => {
  const shared = sharedWorkspace(prepare);

  test('everything verifies as it does elsewhere', async () => {
    const w = shared();
    const inside = (words: string): Promise<string> => {
      const gait = `"${process.execPath}" "${BINARY}" ${words} --json; echo "exit $?"`;
      return runShell(`unshare -rn sh -c '${gait}'`, w.dir);
    };
    // Not even the machine itself can be reached from in there.
    const probe = `require("net").connect(1, "127.0.0.1").on("error", ({ code }) => console.log(code))`;
    assert.equal(await runShell(`unshare -rn "${process.execPath}" -e '${probe}'`, w.dir), 'ENETUNREACH\n');
    for (const [line, exit] of Object.entries(VERIFIED).filter(([words]) =>
      /^verify (\.|session)/.test(words),
    )) {
      const { stdout } = await w.gait(`${line} --json`);
      assert.equal(await inside(line), `${stdout}exit ${exit}\n`, line);
    }
  });
});
