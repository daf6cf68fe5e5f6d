// `npm run bench`: how fast gait is, each figure beside a rival that runs in the same minute on the same disk.
// With arguments, only some of it: append, verify, cold, work, packs, gate.
import { hash } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fromCold, HOT } from './bench/cold.mjs';
import { median, printTable, row } from './bench/table.mjs';
import { buildAll } from './build.mjs';
import { ROOT } from './run.mjs';

await buildAll();
const { FileStore } = await import('../dist/log/stores/file_store.js');
const { seal } = await import('../dist/log/record.js');
const { LogScanner } = await import('../dist/log/scan.js');
const { Jobs } = await import('../dist/job/jobs.js');
const { claimOf } = await import('../dist/job/fingerprint.js');
const { systemClock } = await import('../dist/core/clock.js');
const { benchWork } = await import('./bench/work.mjs');
const { benchPacks } = await import('./bench/packs.mjs');
const { benchGate } = await import('./bench/gate.mjs');

/** Microseconds that a call takes. */
async function timed(call) {
  const start = process.hrtime.bigint();
  await call();
  return Number(process.hrtime.bigint() - start) / 1000;
}

/**
 * Runs contestants in turn, in blocks, after a warm-up, and answers the median of each in microseconds. A contestant
 * prepares, and answers the call that is timed.
 */
async function compete(contestants, { blocks = 12, warmup = 16, perBlock = 150 } = {}) {
  const times = contestants.map(() => []);
  for (let block = 0; block < blocks + warmup; block += 1) {
    for (const [i, prepare] of contestants.entries()) {
      for (let n = 0; n < perBlock; n += 1) {
        const time = await timed(prepare());
        if (block >= warmup) times[i].push(time);
      }
    }
  }
  return times.map(median);
}

function us(value) {
  return `${value.toFixed(0)} µs`;
}

function event(revision) {
  return {
    actor: 'bench',
    created_at: '2026-01-01T00:00:00.001Z',
    job_id: 'bench',
    payload: {
      checkpoint_id: 'cp_0001',
      checkpoint_type: 'progress',
      required_action: '',
      summary: '12 of 40 tables done',
    },
    reason_code: 'checkpoint_progress',
    revision,
    schema_id: 'gait.job.event',
    schema_version: '1.0.0',
    type: 'checkpoint_added',
  };
}

/** A log with `size` events; `next` prepares one more, and answers the call that appends it and waits until it is on disk. */
async function logOf(size) {
  const store = new FileStore({ root: join(DIR, `log-${size}`), idField: 'job_id' });
  let head = 'none';
  const append = async (events) => {
    const outcome = await store.append(seal('bench', 'job_id', head, events));
    if (outcome.status !== 'committed') throw new Error(outcome.status);
    head = outcome.head;
  };
  for (let done = 0; done < size; done += 1000) {
    await append(Array.from({ length: Math.min(size - done, 1000) }, (_, i) => event(done + i + 1)));
  }
  const next = () => {
    const events = [event(head.revision + 1)];
    return () => append(events);
  };
  return { store, next, head: () => head };
}

/** What no append can beat: the same number of bytes written to an open file and synced. */
function bareLoop() {
  const fd = openSync(join(DIR, 'bare'), 'w');
  const line = Buffer.alloc(seal('bench', 'job_id', 'none', [event(1)]).records[0].line.length, 0x61);
  let at = 0;
  return {
    next: () => () => {
      at += writeSync(fd, line, 0, line.length, at);
      fdatasyncSync(fd);
    },
    close: () => closeSync(fd),
  };
}

async function benchAppend() {
  const bare = bareLoop();
  const small = await logOf(10);
  const large = await logOf(100_000);
  const [raw, atTen, atMany] = await compete([bare.next, small.next, large.next]);
  row(
    'append, 1 writer',
    us(atTen),
    `write + fdatasync ${us(raw)}`,
    raw / atTen,
    '≥ 0.80',
    raw / atTen >= 0.8,
  );
  row(
    'append at 100,000 events',
    us(atMany),
    `at 10 events ${us(atTen)}`,
    atMany / atTen,
    '≤ 1.10',
    atMany / atTen <= 1.1,
  );
  bare.close();
  await benchTogether(small);
  await benchJob(raw);
  await small.store.close();
  await large.store.close();
}

async function benchTogether({ store, head }) {
  let last = head();
  const together = async () => {
    const outcomes = [];
    for (let i = 0; i < 100; i += 1) {
      const batch = seal('bench', 'job_id', last, [event(last.revision + 1)]);
      last = batch.head;
      outcomes.push(store.append(batch));
    }
    for (const { status } of await Promise.all(outcomes)) if (status !== 'committed') throw new Error(status);
  };
  const group = [];
  const single = [];
  for (let round = 0; round < 40; round += 1) {
    const time = await timed(together);
    const alone = await timed(async () => {
      for (let i = 0; i < 20; i += 1) {
        const batch = seal('bench', 'job_id', last, [event(last.revision + 1)]);
        last = batch.head;
        await store.append(batch);
      }
    });
    if (round < 10) continue;
    group.push(time / 100);
    single.push(alone / 20);
  }
  const [each, one] = [median(group), median(single)];
  row(
    '100 appends at once, each',
    us(each),
    `one at a time ${us(one)}`,
    one / each,
    '≥ 20',
    one / each >= 20,
  );
}

/** A job with 1,000 checkpoints, and the call that adds one. */
async function longJob(root) {
  const store = new FileStore({ root, idField: 'job_id' });
  const jobs = new Jobs(store, systemClock);
  const claim = claimOf({ rules: ['os'], values: { os: 'any' } });
  await jobs.execute('bench', { actor: 'bench' }, { kind: 'submit', claim, producerVersion: '0' });
  const checkpoint = () =>
    jobs.execute('bench', { actor: 'bench' }, { kind: 'checkpoint', type: 'progress', summary: 'on' });
  for (let i = 0; i < 1000; i += 1) await checkpoint();
  return { store, checkpoint };
}

async function benchJob(raw) {
  const { store, checkpoint } = await longJob(join(DIR, 'jobs'));
  const [time] = await compete([() => checkpoint], { blocks: 4, warmup: 0 });
  row('job checkpoint at 1,000, in process', us(time), `write + fdatasync ${us(raw)}`, raw / time);
  await store.close();
}

const CHAIN_EVENTS = 200_000;

/** The log of a long job, whole, in memory. */
function longLog() {
  const parts = [];
  let head = 'none';
  for (let done = 0; done < CHAIN_EVENTS; done += 1000) {
    const batch = seal(
      'bench',
      'job_id',
      head,
      Array.from({ length: 1000 }, (_, i) => event(done + i + 1)),
    );
    parts.push(Buffer.concat(batch.records.map(({ line }) => line)));
    head = batch.head;
  }
  return Buffer.concat(parts);
}

async function benchVerify() {
  const log = longLog();
  const scan = (strict) => {
    const scanner = new LogScanner({ stream: 'bench', idField: 'job_id', strict });
    for (let at = 0; at < log.length; at += 1 << 20) scanner.push(log.subarray(at, at + (1 << 20)));
    if (scanner.position.revision !== CHAIN_EVENTS) throw new Error('not all verified');
  };
  const rival = () => {
    for (let start = 0, end = log.indexOf(10); end !== -1; start = end + 1, end = log.indexOf(10, start)) {
      JSON.parse(log.toString('utf8', start, end));
      hash('sha256', log.subarray(start, end), 'hex');
    }
  };
  const tasks = [() => () => scan(false), () => () => scan(true), () => rival];
  const [plain, strict, parse] = await compete(tasks, { blocks: 7, warmup: 2, perBlock: 1 });
  const rate = (time) => (CHAIN_EVENTS / time) * 1e6;
  const show = (time) => `${Math.round(rate(time) / 1000)} k events/s`;
  const against = `JSON.parse + sha256 ${show(parse)}`;
  row('verify a chain', show(plain), against, parse / plain, '≥ 300 k/s', rate(plain) >= 300_000);
  row('the same, canonical bytes too', show(strict), against, parse / strict);
}

async function benchColdStart() {
  const root = join(DIR, 'cold');
  const { store } = await longJob(root);
  await store.close();
  fromCold('job status, from cold', ['job', 'status', '--id', 'bench', '--root', root, '--json'], HOT);
}

const SECTIONS = {
  append: benchAppend,
  verify: benchVerify,
  cold: benchColdStart,
  work: () => benchWork(DIR),
  packs: () => benchPacks(DIR),
  gate: () => benchGate(DIR),
};
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in SECTIONS));
if (unknown !== undefined) {
  console.error(`no part ${unknown} of the bench; there are ${Object.keys(SECTIONS).join(', ')}`);
  process.exit(6);
}
const DIR = mkdtempSync(join(ROOT, 'build-bench-'));
try {
  for (const [name, section] of Object.entries(SECTIONS)) {
    if (wanted.length === 0 || wanted.includes(name)) await section();
  }
} finally {
  rmSync(DIR, { recursive: true });
}
printTable();
