import assert from 'node:assert/strict';
import { setImmediate as settled } from 'node:timers/promises';
import { timestamp } from '../../src/core/time.ts';
import type { JobCommand } from '../../src/job/command.ts';
import type { Budget, JobEvent } from '../../src/job/events.ts';
import { Jobs } from '../../src/job/jobs.ts';
import { eventOf, readHistory } from '../../src/job/read/history.ts';
import type { JobState } from '../../src/job/state.ts';
import type { Ended, RunnerPorts, RunOptions, RunResult } from '../../src/job/work/run_ports.ts';
import { runJob } from '../../src/job/work/runner.ts';
import { type WorkEvents, type WorkOptions, type WorkSummary, work } from '../../src/job/work/worker.ts';
import type { EventStore } from '../../src/log/store.ts';
import { HOME, JOB_ID, submit, submitWith } from './given.ts';
import { memoryStores } from './job_stores.ts';

export const TTL_MS = 30_000;
export const POLL_MS = 1000;

const START = Date.parse('2026-02-14T00:00:00Z');
const TASK = { argv: ['true'], cwd: '/', pass_env: [] };

/** A run on this stage: a process that does what the test says, and how the runner took it. */
export class StagedRun {
  readonly kills: string[] = [];
  readonly waits: number[] = [];
  started: number = 0;
  /** Until when the guard lets it live, on the stage's clock. */
  livesUntil: number = Number.POSITIVE_INFINITY;
  settledAs: RunResult | Error | undefined;
  end: (ended: Ended) => void = () => assert.fail('it was not started');

  exits(exitCode: number): void {
    this.end({ exitCode, signal: null });
  }

  result(): RunResult {
    assert.ok(this.settledAs !== undefined, 'it runs still');
    if (this.settledAs instanceof Error) throw this.settledAs;
    return this.settledAs;
  }

  get isOver(): boolean {
    return this.settledAs !== undefined;
  }
}

/** A worker on this stage, and its runs by job. */
export class StagedWork {
  readonly runs: Map<string, StagedRun> = new Map();
  summary: WorkSummary | undefined;
}

/**
 * Jobs in memory and runners of them on a clock that only the test turns: the monotonic one, and each machine's own beside
 * it. A process listens to nothing but SIGKILL, and its guard kills it when the time that it was told is over.
 */
export class Stage {
  /** Of people, and of whoever looks on. */
  readonly jobs: Jobs;
  readonly #store: EventStore;
  readonly #sleepers = new Map<() => void, number>();
  now: number = 0;

  constructor(store: EventStore = memoryStores().open()) {
    this.#store = store;
    this.jobs = this.jobsAt(0);
  }

  /** Jobs of a machine whose clock is so many milliseconds off, through a store of its own if there is one. */
  jobsAt(offMs: number, store: EventStore = this.#store): Jobs {
    return new Jobs(store, { now: () => timestamp(START + this.now + offMs) });
  }

  async submit(budget?: Budget): Promise<void> {
    const order = budget === undefined ? submit() : submitWith(budget);
    await this.jobs.execute(JOB_ID, { actor: 'a' }, { ...order, task: TASK } as JobCommand);
  }

  /** Starts a runner, and lets it come to where it waits. */
  async run(options: Partial<RunOptions> = {}, jobs: Jobs = this.jobs): Promise<StagedRun> {
    const run = new StagedRun();
    const terms = { jobId: JOB_ID, workerId: 'w', ttlMs: TTL_MS, graceMs: 0, jobRoot: '/jobs' };
    const given: RunOptions = {
      ...{ ...terms, killAfterMs: 5000, pollMs: POLL_MS, complete: true },
      onWait: (ms) => run.waits.push(ms),
      ...options,
    };
    void runJob(jobs, given, {
      start: (_task, _env, ms) => this.#start(run, ms),
      ...this.#clocks(),
    }).then(
      (result) => {
        run.settledAs = result;
      },
      (error: unknown) => {
        run.settledAs = error instanceof Error ? error : new Error(String(error));
      },
    );
    await this.settle();
    return run;
  }

  /** Starts a worker on the jobs of the stage, and lets it come to where it waits. */
  async work(
    options: Partial<WorkOptions> = {},
    events: WorkEvents = {},
    jobs: Jobs = this.jobs,
  ): Promise<StagedWork> {
    const staged = new StagedWork();
    const terms = {
      workerId: 'w',
      ttlMs: TTL_MS,
      graceMs: 0,
      jobRoot: '/jobs',
      killAfterMs: 5000,
      pollMs: POLL_MS,
    };
    const given: WorkOptions = {
      ...{ ...terms, concurrency: 1, once: true, idleMs: 1000 },
      ...{ drain: new AbortController().signal, interrupt: new AbortController().signal },
      ...options,
    };
    const ports: RunnerPorts = {
      start: (_task, env, ms) => {
        const run = new StagedRun();
        staged.runs.set(env['GAIT_JOB_ID'] ?? '', run);
        return this.#start(run, ms);
      },
      ...this.#clocks(),
    };
    void work(jobs, { now: () => timestamp(START + this.now) }, given, ports, events).then((summary) => {
      staged.summary = summary;
    });
    await this.settle();
    return staged;
  }

  /** Lets so many milliseconds pass, stopping wherever somebody wakes. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await this.settle();
      const next = Math.min(...this.#sleepers.values());
      if (next > end) break;
      this.now = next;
      for (const [wake, at] of this.#sleepers) if (at <= next) wake();
    }
    this.now = end;
  }

  /** As {@link pass}, but all processes of the stage stand still meanwhile, and wake at once at the end. */
  async freeze(ms: number): Promise<void> {
    this.now += ms;
    for (const [wake, at] of this.#sleepers) if (at <= this.now) wake();
    await this.settle();
  }

  async state(): Promise<JobState> {
    return (await this.jobs.load(JOB_ID)).state;
  }

  async events(): Promise<readonly JobEvent[]> {
    return (await readHistory(this.#store, JOB_ID)).records.map(eventOf);
  }

  async types(): Promise<readonly string[]> {
    return (await this.events()).map(({ type }) => type);
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 40; i += 1) await settled();
  }

  #clocks(): Omit<RunnerPorts, 'start'> {
    return {
      monotonic: () => this.now,
      observe: async () => HOME,
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  #start(run: StagedRun, ms: number) {
    run.started += 1;
    run.livesUntil = this.now + ms;
    const ended = new Promise<Ended>((resolve) => {
      run.end = resolve;
    });
    const kill = (signal: 'SIGTERM' | 'SIGKILL'): void => {
      run.kills.push(`${signal} ${this.now}`);
      if (signal === 'SIGKILL') run.end({ exitCode: null, signal });
    };
    void this.#guard(run, ended);
    const beat = (more: number): void => {
      run.livesUntil = this.now + more;
    };
    return { ended, kill, beat };
  }

  async #guard(run: StagedRun, ended: Promise<Ended>): Promise<void> {
    const over = new AbortController();
    void ended.then(() => over.abort());
    while (!over.signal.aborted && this.now < run.livesUntil)
      await this.#sleep(run.livesUntil - this.now, over.signal);
    run.end({ exitCode: null, signal: 'SIGKILL', killedBy: 'guard' });
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#sleepers.delete(wake);
        resolve();
      };
      if (signal.aborted) resolve();
      else {
        this.#sleepers.set(wake, this.now + ms);
        signal.addEventListener('abort', wake);
      }
    });
  }
}
