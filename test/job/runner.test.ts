import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as settled } from 'node:timers/promises';
import { manualClock } from '../../src/core/clock.ts';
import type { Budget } from '../../src/job/events.ts';
import { Jobs } from '../../src/job/jobs.ts';
import { type Ended, type RunResult, runJob } from '../../src/job/runner.ts';
import { JOB_ID, submit, submitWith } from '../support/given.ts';
import { memoryStores } from '../support/job_stores.ts';

/** A process that listens to nothing but SIGKILL, on a clock that only this test turns. */
class Stage {
  readonly kills: string[] = [];
  readonly jobs: Jobs;
  readonly #clock: ReturnType<typeof manualClock> = manualClock(Date.parse('2026-02-14T00:00:00Z'));
  readonly #sleepers = new Map<() => void, number>();
  #now = 0;
  #result: RunResult | undefined;

  constructor() {
    this.jobs = new Jobs(memoryStores().open(), this.#clock);
  }

  async run(budget?: Budget): Promise<void> {
    const order = budget === undefined ? submit() : submitWith(budget);
    await this.jobs.execute(JOB_ID, { actor: 'a' }, order);
    const terms = { jobId: JOB_ID, workerId: 'w', ttlMs: 3_600_000, graceMs: 0, jobRoot: '/jobs' };
    const task = { argv: ['true'], cwd: '/', pass_env: [] };
    const options = { ...terms, task, killAfterMs: 600_000, pollMs: 1000, complete: true };
    void runJob(this.jobs, options, {
      start: () => {
        let end = (_: Ended): void => {};
        const ended = new Promise<Ended>((resolve) => {
          end = resolve;
        });
        const kill = (signal: 'SIGTERM' | 'SIGKILL'): void => {
          this.kills.push(`${signal} ${this.#now}`);
          if (signal === 'SIGKILL') end({ exitCode: null, signal });
        };
        return { ended, kill, beat: () => {} };
      },
      monotonic: () => this.#now,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          const wake = (): void => {
            signal.removeEventListener('abort', wake);
            this.#sleepers.delete(wake);
            resolve();
          };
          this.#sleepers.set(wake, this.#now + ms);
          signal.addEventListener('abort', wake);
        }),
    }).then((result) => {
      this.#result = result;
    });
    await this.#settle();
  }

  /** Lets so many milliseconds pass, stopping wherever somebody wakes. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await this.#settle();
      const next = Math.min(...this.#sleepers.values());
      if (next > end) break;
      this.#to(next);
      for (const [wake, at] of this.#sleepers) if (at <= next) wake();
    }
    this.#to(end);
  }

  result(): RunResult {
    return this.#result ?? assert.fail('it runs still');
  }

  #to(now: number): void {
    this.#clock.advance(now - this.#now);
    this.#now = now;
  }

  async #settle(): Promise<void> {
    for (let i = 0; i < 20; i += 1) await settled();
  }
}

describe('a command that listens to nothing', () => {
  test('of a paused job is asked at the next look, and killed after its time', async () => {
    const stage = new Stage();
    await stage.run();
    await stage.jobs.execute(JOB_ID, { actor: 'a' }, { kind: 'pause' });
    await stage.pass(700_000);
    assert.deepEqual(stage.kills, ['SIGTERM 1000', 'SIGKILL 601000']);
    assert.equal(stage.result().outcome, 'interrupted');
  });

  test('is killed at the next look when the job is stopped after it was paused', async () => {
    const stage = new Stage();
    await stage.run();
    await stage.jobs.execute(JOB_ID, { actor: 'a' }, { kind: 'pause' });
    await stage.pass(5500);
    await stage.jobs.execute(JOB_ID, { actor: 'a' }, { kind: 'stop' });
    await stage.pass(1000);
    assert.deepEqual(stage.kills, ['SIGTERM 1000', 'SIGKILL 6000']);
  });

  test('is asked when the time of its budget is up, however far the next renewal is', async () => {
    const stage = new Stage();
    await stage.run({ max_wall_ms: 90_500 });
    await stage.pass(90_400);
    assert.deepEqual(stage.kills, []);
    await stage.pass(1100);
    assert.equal(stage.kills[0], 'SIGTERM 90500');
    assert.equal((await stage.jobs.load(JOB_ID)).state.stop_reason, 'budget_wall_exceeded');
  });
});
