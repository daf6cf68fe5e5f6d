import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { sha256Hex } from '../../src/core/digest.ts';
import { openSource } from '../../src/files/file_source.ts';
import { chainPathOf, readChain, runpackOf } from '../../src/host/sessions/chain_files.ts';
import { chainOf, isSound, type SessionChain, verifyChain } from '../../src/run/session/chain.ts';
import { Journal } from '../../src/run/session/journal.ts';
import { decideStart } from '../../src/run/session/session.ts';
import { verifyRunpack } from '../../src/run/verify.ts';
import { readContainer } from '../../src/zip/reader.ts';
import { childEnv } from '../support/child_env.ts';
import { seeded } from '../support/seed.ts';
import { IDS, NOW } from '../support/sessions.ts';
import { sized } from '../support/sized.ts';
import { until } from '../support/until.ts';

/** The moments of the kills. */
const RANDOM = seeded('session fuzz');
const WORKER = fileURLToPath(new URL('session_worker.bundle.mjs', import.meta.url));

before(async () => {
  // In one file, a worker starts in half of the time. It lies beside its source, where its packages are found.
  await build({
    entryPoints: [fileURLToPath(new URL('session_worker.js', import.meta.url))],
    outfile: WORKER,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['fs-ext', 'fs-ext-extra-prebuilt'],
    banner: { js: 'import { createRequire as c } from "node:module"; const require = c(import.meta.url);' },
  });
});

const children: ChildProcess[] = [];

// A test that fails must not leave them writing.
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Worker {
  readonly child: ChildProcess;
  /** The whole lines that it printed so far. */
  readonly lines: () => string[];
  readonly errors: () => string;
  readonly ended: Promise<unknown>;
}

function start(mode: string, journal: string, name: string, count = 1_000_000, pauseMs = 4): Worker {
  const args = [WORKER, mode, journal, name, String(count), String(pauseMs)];
  const child = spawn(process.execPath, args, { env: childEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  return { child, lines: () => out.split('\n').slice(0, -1), errors: () => err, ended: once(child, 'close') };
}

/** The path of a journal that was started. */
async function startedJournal(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gait-session-'));
  t.after(() => rm(dir, { recursive: true }));
  const path = join(dir, 'night.jsonl');
  await new Journal(path).start((state) => ({ append: decideStart(state, IDS, 'fuzz', NOW), result: 0 }));
  return path;
}

/** Verifies a chain that lies where the journal's does, and answers the traces of the events in its runpacks, in order. */
function tracesIn(chain: SessionChain, path: string): string[] {
  const traces: string[] = [];
  const open: Parameters<typeof verifyChain>[1] = (checkpoint) => {
    const { source, close } = openSource(runpackOf(path, checkpoint));
    const container = readContainer(source);
    const visit = {
      intent: ({ args }: { args?: object }) => void traces.push(Reflect.get(args ?? {}, 'trace_id')),
    };
    verifyRunpack(container, { visit });
    return { container, close };
  };
  const verification = verifyChain(chain, open);
  assert.ok(isSound(verification), JSON.stringify(verification));
  return traces;
}

/** The traces of all events of a session, wherever they are: in the runpacks of its checkpoints, then in its journal. */
async function history(journal: string): Promise<string[]> {
  const { state } = await new Journal(journal).load();
  const sealed = state.checkpoints.length === 0 ? [] : tracesIn(chainOf(state), chainPathOf(journal));
  const traces = [...sealed, ...state.pending.map(({ trace_id = '' }) => trace_id)];
  assert.equal(traces.length, state.lastSequence, 'as many events as sequences');
  return traces;
}

/** What was acknowledged stands at its sequence; what each writer wrote is there once and in its order. */
async function assertHolds(journal: string, workers: readonly Worker[]): Promise<number> {
  const traces = await history(journal);
  assert.equal(new Set(traces).size, traces.length, 'an event is there twice');
  for (const line of workers.flatMap((worker) => worker.lines())) {
    const [what, name, number, sequence] = line.split(' ');
    if (what === 'event') assert.equal(traces[Number(sequence) - 1], `${name}.${number}`, line);
  }
  const last = new Map<string, number>();
  for (const trace of traces) {
    const [name = '', number] = trace.split('.');
    assert.equal(Number(number), (last.get(name) ?? 0) + 1, `${trace} is out of order`);
    last.set(name, Number(number));
  }
  return traces.length;
}

/** Ends in a chain that verifies and is the journal's. */
async function assertGoesOn(journal: string): Promise<void> {
  const worker = start('cycle', journal, 'last', 1);
  await worker.ended;
  assert.deepEqual([worker.child.exitCode, worker.errors()], [0, '']);
  const { state } = await new Journal(journal).load();
  const chain = readChain(chainPathOf(journal));
  assert.deepEqual(chain, chainOf(state));
  tracesIn(chain, chainPathOf(journal));
}

async function untilSaid(worker: Worker, lines: number): Promise<void> {
  while (worker.lines().length < lines) {
    assert.equal(worker.child.exitCode, null, worker.errors());
    await sleep(2);
  }
}

test('8 processes append, one after another is killed: what was acknowledged is there, once, in order', async (t) => {
  const journal = await startedJournal(t);
  const all: Worker[] = [];
  const begin = (): Worker => {
    const worker = start('append', journal, `w${all.length}`);
    all.push(worker);
    return worker;
  };
  const running = Array.from({ length: 8 }, begin);
  for (let kills = 0; kills < sized(12, 4); kills += 1) {
    const victim = running[kills % running.length] as Worker;
    await untilSaid(victim, 1);
    await sleep(RANDOM.real() * 8);
    victim.child.kill('SIGKILL');
    // Whoever was killed may have written half of a line.
    if (kills % 5 === 4) {
      await victim.ended;
      await appendFile(journal, '{"record_type":"event","event":{"sequ');
    }
    running[kills % running.length] = begin();
  }
  await Promise.all(running.map((worker) => untilSaid(worker, 1)));
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(all.map(({ ended }) => ended));
  assert.equal(all.map(({ errors }) => errors()).join(''), '');
  const events = await assertHolds(journal, all);
  await assertGoesOn(journal);
  t.diagnostic(`${all.length} processes, ${events} events`);
});

test('checkpoints by two processes while others append: each chain verifies, and no runpack is replaced', async (t) => {
  const journal = await startedJournal(t);
  const appenders = ['a', 'b', 'c'].map((name) => start('append', journal, name, 1_000_000, 80));
  const makers = ['x', 'y'].map((name) => start('checkpoint', journal, name));
  const said = (): string[] => makers.flatMap((worker) => worker.lines());
  const made = (): string[] => said().filter((line) => line !== 'contended');
  const digests = new Map<string, string>();
  const dir = join(journal, '..');
  let looks = 0;
  await until('there were six checkpoints, and five looks at the chain', async () => {
    for (const { child, errors } of [...appenders, ...makers]) assert.equal(child.exitCode, null, errors());
    for (const name of (await readdir(dir)).filter((one) => one.endsWith('.zip'))) {
      const digest = sha256Hex(await readFile(join(dir, name)));
      assert.equal(digests.get(name) ?? digest, digest, `${name} was replaced`);
      digests.set(name, digest);
    }
    const { state } = await new Journal(journal).load();
    if (state.checkpoints.length === 0 || !existsSync(chainPathOf(journal))) return false;
    tracesIn(readChain(chainPathOf(journal)), chainPathOf(journal));
    looks += 1;
    return looks >= 5 && made().length >= 6;
  });
  for (const { child } of [...appenders, ...makers]) child.kill('SIGKILL');
  await Promise.all([...appenders, ...makers].map((worker) => worker.ended));
  assert.equal(new Set(made()).size, made().length, 'a checkpoint was made twice');
  const events = await assertHolds(journal, appenders);
  const { state } = await new Journal(journal).load();
  for (const line of made()) assert.ok(Number(line.split(' ')[1]) <= state.checkpoints.length, line);
  await assertGoesOn(journal);
  t.diagnostic(
    `${events} events, ${state.checkpoints.length} checkpoints, ${said().length - made().length} contended`,
  );
});

test('processes append, make checkpoints and compact, and are killed at any moment: nothing acknowledged is lost', async (t) => {
  const journal = await startedJournal(t);
  const all: Worker[] = [];
  for (let round = 0; round < sized(14, 5); round += 1) {
    const pair = [start('cycle', journal, `p${round}`), start('cycle', journal, `q${round}`)];
    all.push(...pair);
    await Promise.all(pair.map((worker) => untilSaid(worker, 1 + (round % 3))));
    await sleep(RANDOM.real() * 15);
    for (const { child } of pair) child.kill('SIGKILL');
    await Promise.all(pair.map(({ ended }) => ended));
    const { state } = await new Journal(journal).load();
    const made = all.flatMap((worker) => worker.lines()).filter((line) => line.startsWith('checkpoint'));
    const highest = Math.max(0, ...made.map((line) => Number(line.split(' ')[1])));
    assert.ok(state.checkpoints.length >= highest, 'a checkpoint that was acknowledged is gone');
    if (highest === 0 || !existsSync(chainPathOf(journal))) continue;
    // A crash may leave the chain behind the journal, never ahead of it, and never in pieces.
    const chain = readChain(chainPathOf(journal));
    assert.deepEqual(chain.checkpoints, state.checkpoints.slice(0, chain.checkpoints.length));
  }
  assert.equal(all.map(({ errors }) => errors()).join(''), '');
  const events = await assertHolds(journal, all);
  await assertGoesOn(journal);
  const { state } = await new Journal(journal).load();
  t.diagnostic(`${all.length} kills, ${events} events, ${state.checkpoints.length} checkpoints`);
});
