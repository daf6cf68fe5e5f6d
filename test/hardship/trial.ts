import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bench, JOB } from './bench.ts';
import type { Tried } from './commands.ts';
import { type Answer, gait, malformed } from './gait.ts';
import { completed, type Log } from './log.ts';
import { type Call, type Fault, inject } from './strace.ts';

/** What must never be. `stuck`: the job does not go on, or its log is not sound. */
export type Wrong = 'lost' | 'doubled' | 'misreported' | 'stuck';

export interface Finding {
  readonly wrong: Wrong;
  readonly what: string;
}

export interface Outcome {
  readonly hits: number;
  readonly findings: readonly Finding[];
}

/** Answers that do not say whether it was done. */
const UNSURE: ReadonlySet<string> = new Set(['append_unconfirmed', 'not_recorded']);

/** Fails a call of a command, or kills it there, and looks at what became of its job. */
export async function tryOnce(
  bench: Bench,
  tried: Tried,
  call: Call,
  fault: Fault,
  paths: readonly string[],
): Promise<Outcome> {
  bench.restore();
  const before = bench.log();
  const words = tried.words(bench);
  const { answer, hits } = await inject(words, bench.how, call, fault, paths, bench.note);
  const trial = new Trial(bench, tried, before);
  trial.judge(answer, fault === 'KILL' && hits > 0);
  await trial.goOn(answer);
  return { hits, findings: trial.findings };
}

export class Trial {
  readonly findings: Finding[] = [];
  readonly #bench: Bench;
  readonly #tried: Tried;
  readonly #before: Log;

  constructor(bench: Bench, tried: Tried, before: Log) {
    this.#bench = bench;
    this.#tried = tried;
    this.#before = before;
  }

  #find(wrong: Wrong, what: string): void {
    this.findings.push({ wrong, what });
  }

  /** Holds the answer against the log. */
  judge(answer: Answer, killed: boolean): void {
    const log = this.#bench.log();
    const effects = this.#tried.effects(log);
    this.#holdHistory(log);
    if (effects > 1) this.#find('doubled', `it is there ${effects} times`);
    const bad = killed && answer.exit === undefined ? undefined : malformed(answer);
    if (bad !== undefined) this.#find('misreported', bad);
    if (answer.exit === 0 && effects === 0) this.#find('lost', 'it was acknowledged, and is not there');
    const { error_code = '', error } = answer.said ?? {};
    if (answer.said?.ok === false && effects > 0 && !UNSURE.has(error_code))
      this.#find('misreported', `it is there, and the answer was [${error_code}] ${error}`);
  }

  /** Nothing that was there before is gone: it stands where it stood, or, cut by a repair, in a file beside. */
  #holdHistory(log: Log): void {
    const { bytes, chains } = this.#before;
    const same = sharedStart(bytes, log.bytes);
    if (same === bytes.length) return;
    const folder = join(this.#bench.root, JOB);
    const cut = chains ? [] : readdirSync(folder).filter((name) => name.startsWith('cut-after-'));
    const kept = cut.map((name) => readFileSync(join(folder, name)));
    const whole = kept.some(
      (file) => file.length >= bytes.length - same && bytes.subarray(-file.length).equals(file),
    );
    if (!whole)
      this.#find('lost', 'the log does not go on from what it was, and what is missing is not kept');
  }

  /** What its caller does next, and where that leads. */
  async goOn(answer: Answer): Promise<void> {
    const { how } = this.#bench;
    const { again, words, next, effects } = this.#tried;
    const ran = this.#bench.runs();
    const wasDone = completed(this.#bench.log());
    const there = effects(this.#bench.log()) > 0;
    if (again === 'blindly' || (again === 'absent' && !there)) {
      const repeated = await gait(words(this.#bench), how);
      const bad = malformed(repeated);
      if (bad !== undefined) this.#find('misreported', `given again: ${bad}`);
      if (!there && repeated.exit !== 0)
        this.#find('stuck', `given again it answered exit ${repeated.exit}: ${repeated.out}`);
    }
    const cannot = await next(this.#bench);
    if (cannot !== undefined) this.#find('stuck', cannot);
    if ((answer.exit === 0 || wasDone) && this.#bench.runs() !== ran)
      this.#find('doubled', 'its command ran again after its end was told or recorded');
    await this.#holdEnd();
  }

  async #holdEnd(): Promise<void> {
    const log = this.#bench.log();
    const effects = this.#tried.effects(log);
    if (effects > 1) this.#find('doubled', `in the end it is there ${effects} times`);
    if (effects === 0) this.#find('lost', 'in the end it is not there');
    this.#holdHistory(log);
    const { exit, out } = await gait(['job', 'verify', '--id', JOB], this.#bench.how);
    if (exit !== 0 || !log.chains) this.#find('stuck', `the log is not sound: exit ${exit}: ${out}`);
  }
}

function sharedStart(a: Buffer, b: Buffer): number {
  let same = 0;
  while (same < a.length && a[same] === b[same]) same += 1;
  return same;
}
