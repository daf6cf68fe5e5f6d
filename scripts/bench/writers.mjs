// Processes that append to one log at the same time: how fast, and whether every event is there once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FileStore } from '../../dist/log/stores/file_store.js';
import { childEnv, ROOT } from '../run.mjs';
import { median, row } from './table.mjs';

const EVENTS = 2400;
const ROUNDS = 3;
const PROCESSES = [1, 2, 4, 8];
const MIN_PART = 0.6;
const LINE_BYTES = 240;

/** Appends per second of 1, 2, 4 and 8 processes that share the work. */
export async function benchWriters(dir) {
  const rates = new Map(PROCESSES.map((processes) => [processes, []]));
  const bare = [];
  let exact = true;
  for (let round = 0; round < ROUNDS; round += 1) {
    bare.push(bareRate(join(dir, 'bare')));
    for (const processes of PROCESSES) {
      const root = join(dir, 'writers');
      rates.get(processes).push(await rateOf(root, processes));
      exact = (await isExact(root, processes)) && exact;
      rmSync(root, { recursive: true });
    }
  }
  const show = (rate) => `${Math.round(rate)}/s`;
  const one = median(rates.get(1));
  row('append, 1 process', show(one), `write + fdatasync ${show(median(bare))}`, one / median(bare));
  for (const processes of PROCESSES.slice(1)) {
    const rate = median(rates.get(processes));
    const bar = processes === 8 ? ['≥ 0.60', rate / one >= MIN_PART] : [];
    row(`append, ${processes} processes`, show(rate), `1 process ${show(one)}`, rate / one, ...bar);
  }
  const total = ROUNDS * PROCESSES.length * EVENTS;
  row(
    'every event once, in order',
    exact ? `${total} events` : 'LOST OR DOUBLED',
    '-',
    undefined,
    'all',
    exact,
  );
}

async function rateOf(root, processes) {
  const script = join(ROOT, 'scripts', 'bench', 'appender.mjs');
  const writers = Array.from({ length: processes }, (_, i) => {
    const args = [script, root, `w${i}`, String(EVENTS / processes)];
    return spawn(process.execPath, args, { env: childEnv(), stdio: ['pipe', 'pipe', 'inherit'] });
  });
  const said = () => Promise.all(writers.map(({ stdout }) => once(stdout, 'data')));
  await said(); // that they are ready
  const ended = Promise.all(writers.map(async (writer) => (await once(writer, 'exit'))[0]));
  const start = process.hrtime.bigint();
  for (const { stdin } of writers) stdin.end();
  await Promise.race([said(), ended]);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const codes = await ended;
  if (codes.some((code) => code !== 0)) throw new Error(`writers ended with ${codes.join(', ')}`);
  return EVENTS / seconds;
}

/** Reading checks the chain and the revisions; here, that every event of every writer is there once, in its order. */
async function isExact(root, processes) {
  const store = new FileStore({ root, idField: 'job_id' });
  const last = new Map();
  let count = 0;
  let inOrder = true;
  for await (const records of store.read('bench', { strict: true })) {
    for (const { event } of records) {
      const { writer, sequence } = event.payload;
      inOrder &&= sequence === (last.get(writer) ?? 0) + 1;
      last.set(writer, sequence);
      count += 1;
    }
  }
  return inOrder && count === EVENTS && last.size === processes;
}

/** What no writer can beat: the same number of writes to an open file, each synced. */
function bareRate(path) {
  const fd = openSync(path, 'w');
  const line = Buffer.alloc(LINE_BYTES, 0x61);
  const start = process.hrtime.bigint();
  for (let i = 0; i < EVENTS; i += 1) {
    writeSync(fd, line, 0, line.length, i * line.length);
    fdatasyncSync(fd);
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  closeSync(fd);
  return EVENTS / seconds;
}
