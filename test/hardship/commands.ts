import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { gait, start, until } from './gait.ts';
import { completed, count, type Log, leaseOf } from './log.ts';

type Words = readonly string[];

/** A whole command whose system calls are failed one by one. */
export interface Tried {
  readonly name: string;
  /** What is done before, in order. */
  prepare(bench: Bench): readonly Words[];
  /** Then this happens to the files. */
  readonly spoil?: (bench: Bench) => void;
  words(bench: Bench): Words;
  /** How often what it does stands in the log: once is right. */
  effects(log: Log): number;
  /** `blindly`: its caller may give it again, whatever the answer was. `absent`: only if the log has it not. */
  readonly again: 'blindly' | 'absent' | 'never';
  /** Goes on with the job; answers what could not be done. */
  next(bench: Bench): Promise<string | undefined>;
}

const submit = (bench: Bench, ...flags: Words): Words => {
  const script = `sleep 0.4; echo ran >>${bench.marks}`;
  return ['job', 'submit', '--id', 'j', '--actor', 'agent', ...flags, '--', 'sh', '-c', script];
};
const job = (verb: string, ...flags: Words): Words => ['job', verb, '--id', 'j', ...flags];
const by = (verb: string, ...flags: Words): Words => job(verb, '--actor', 'operator', ...flags);
const claim = (worker: string): Words => job('claim', '--worker', worker, '--ttl', '1h');
const note = (summary: string, ...flags: Words): Words => [
  'job',
  'checkpoint',
  'add',
  '--id',
  'j',
  '--actor',
  'agent',
  '--summary',
  summary,
  ...flags,
];
const ASKED: Words = note('may I', '--type', 'decision-needed', '--required-action', 'go on?');
const APPROVE: Words = by('approve', '--checkpoint', 'cp_0001', '--reason', 'looked at it');
const RELEASE: Words = job('release', '--worker', 'w', '--token', '2');

/** Gives a command that must succeed now. */
const must =
  (words: Words) =>
  async (bench: Bench): Promise<string | undefined> => {
    const { exit, out, err } = await gait(words, bench.how);
    return exit === 0 ? undefined : `then ${words.slice(0, 3).join(' ')} answered exit ${exit}: ${out}${err}`;
  };

export const TRIED: readonly Tried[] = [
  {
    name: 'job run --complete',
    prepare: (bench) => [submit(bench)],
    words: () => job('run', '--complete', '--worker', 'w', '--ttl', '1s'),
    effects: (log) => count(log, 'checkpoint_added', 'checkpoint_completed'),
    again: 'never',
    next: runToItsEnd,
  },
  {
    name: 'job submit',
    prepare: () => [],
    words: (bench) => submit(bench, '--if-absent'),
    effects: (log) => count(log, 'submitted'),
    again: 'blindly',
    next: must(by('cancel')),
  },
  {
    name: 'job claim',
    prepare: (bench) => [submit(bench)],
    words: () => claim('w'),
    effects: (log) => count(log, 'lease_acquired'),
    again: 'absent',
    next: async (bench) => {
      const { token = 0, worker = '' } = leaseOf(bench.log()) ?? {};
      return must(job('release', '--worker', worker, '--token', String(token)))(bench);
    },
  },
  {
    name: 'job approve',
    prepare: (bench) => [submit(bench), ASKED],
    words: () => APPROVE,
    effects: (log) => count(log, 'approved'),
    again: 'blindly',
    next: must(by('resume', '--reason', 'go')),
  },
  {
    name: 'job resume',
    prepare: (bench) => [submit(bench), ASKED, APPROVE],
    words: () => by('resume', '--reason', 'go'),
    effects: (log) => count(log, 'resumed'),
    again: 'blindly',
    next: must(claim('other')),
  },
  {
    name: 'job repair --yes',
    prepare: (bench) => [submit(bench), note('one'), note('two'), note('three')],
    spoil: (bench) => {
      const path = join(bench.root, 'j', 'log.ndjson');
      writeFileSync(path, readFileSync(path, 'latin1').replace('"two"', '"twO"'), 'latin1');
    },
    words: () => by('repair', '--yes'),
    effects: (log) => count(log, 'repaired'),
    again: 'blindly',
    next: must(by('resume', '--reason', 'looked at it')),
  },
  {
    name: 'job release',
    prepare: (bench) => [submit(bench), claim('w')],
    words: () => RELEASE,
    effects: (log) => count(log, 'lease_released'),
    again: 'blindly',
    next: must(claim('other')),
  },
  {
    name: 'job checkpoint add',
    prepare: (bench) => [submit(bench)],
    words: () => note('step one'),
    effects: (log) => log.events.filter(({ payload }) => payload['summary'] === 'step one').length,
    again: 'absent',
    next: must(note('step two')),
  },
];

/** What a worker and, where the job waits for one, a person make of the job. */
async function runToItsEnd(bench: Bench): Promise<string | undefined> {
  const status = await gait(job('status'), bench.how);
  if (status.said?.job?.status === 'blocked') {
    const refused = await must(by('resume', '--reason', 'again'))(bench);
    if (refused !== undefined) return refused;
  }
  if (completed(bench.log())) return undefined;
  const worker = start(['job', 'work', '--worker', 'other', '--ttl', '1s', '--idle', '100ms'], bench.how);
  const came = await until(() => completed(bench.log()));
  worker.child.kill('SIGTERM');
  const { exit, err } = await worker.done;
  if (!came) return `then no worker could complete it: ${err}`;
  return exit === 0 ? undefined : `then the worker ended with ${exit}: ${err}`;
}
