import { Bench } from './bench.ts';
import { TRIED, type Tried } from './commands.ts';
import type { Say } from './report.ts';
import { type Call, type Fault, type Recording, record } from './strace.ts';
import { tryOnce, type Wrong } from './trial.ts';

export interface Sampling {
  /** Only the commands whose name contains this. */
  readonly only: string;
  /** Every nth trial; 1 for all. */
  readonly every: number;
  /** How many trials at a time. */
  readonly atOnce: number;
}

export interface Row extends Record<Wrong, number> {
  readonly command: string;
  /** System calls that touch the workspace. */
  readonly calls: number;
  failed: number;
  killed: number;
  /** Trials whose call did not come this time: how often a worker looks at a log depends on the time. */
  missed: number;
}

interface Trial {
  readonly call: Call;
  readonly fault: Fault;
}

/** What a full disk refuses. */
const GROWS: ReadonlySet<string> = new Set([
  'write',
  'pwrite64',
  'pwritev',
  'mkdir',
  'mkdirat',
  'rename',
  'renameat2',
]);

/** Each call of each command failed once and killed once. */
export async function everyCall(sampling: Sampling, say: Say): Promise<Row[]> {
  const benches = Array.from({ length: sampling.atOnce }, () => new Bench());
  const rows: Row[] = [];
  try {
    for (const tried of TRIED.filter(({ name }) => name.includes(sampling.only)))
      rows.push(await everyCallOf(tried, benches, sampling.every, say));
    return rows;
  } finally {
    for (const bench of benches) bench.remove();
  }
}

async function everyCallOf(tried: Tried, benches: readonly Bench[], every: number, say: Say): Promise<Row> {
  // What a command calls its files depends on what is in them: so each bench has its own record.
  const records = await Promise.all(benches.map((bench) => whole(tried, bench)));
  const calls = records[0]?.calls ?? [];
  const trials = calls
    .flatMap((call) => faultsFor(call).map((fault): Trial => ({ call, fault })))
    .filter((_, index) => index % every === 0);
  const row: Row = {
    ...{ command: tried.name, calls: calls.length, failed: 0, killed: 0, missed: 0 },
    ...{ lost: 0, doubled: 0, misreported: 0, stuck: 0 },
  };
  const waiting = [...trials];
  const work = async (bench: Bench, index: number): Promise<void> => {
    const paths = records[index]?.paths ?? [];
    for (let trial = waiting.shift(); trial !== undefined; trial = waiting.shift())
      await enter(row, tried, bench, trial, paths, say);
  };
  await Promise.all(benches.map(work));
  say(`${tried.name}: ${trials.length} trials`);
  return row;
}

/** The whole command without a fault: it has to succeed. */
async function whole(tried: Tried, bench: Bench): Promise<Recording> {
  await bench.prepare(tried.prepare(bench), tried.spoil ?? (() => {}));
  bench.restore();
  const recorded = await record(tried.words(bench), bench.how, bench.dir, bench.note);
  const { exit, out, err } = recorded.answer;
  if (exit !== 0 || tried.effects(bench.log()) !== 1)
    throw new Error(`${tried.name} does not succeed without a fault: ${out}${err}`);
  return recorded;
}

async function enter(
  row: Row,
  tried: Tried,
  bench: Bench,
  { call, fault }: Trial,
  paths: readonly string[],
  say: Say,
): Promise<void> {
  const { hits, findings } = await tryOnce(bench, tried, call, fault, paths);
  if (hits === 0) {
    row.missed += 1;
    say(`${tried.name}: ${call.name} ${call.nth} did not come (${fault})`);
  }
  if (hits > 0 && fault === 'KILL') row.killed += 1;
  if (hits > 0 && fault !== 'KILL') row.failed += 1;
  for (const wrong of new Set(findings.map((finding) => finding.wrong))) row[wrong] += 1;
  for (const { wrong, what } of findings)
    say(`FAULT ${tried.name}, ${call.name} ${call.nth} ${fault}: ${wrong}: ${what.trim()}`);
}

function faultsFor({ name }: Call): Fault[] {
  return GROWS.has(name) ? ['EIO', 'ENOSPC', 'KILL'] : ['EIO', 'KILL'];
}
