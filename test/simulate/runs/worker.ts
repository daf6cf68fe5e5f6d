import type { RunnerPorts, RunOptions, TaskProcess } from '../../../src/job/work/run_ports.ts';
import { runJob } from '../../../src/job/work/runner.ts';
import { type WorkOptions, work } from '../../../src/job/work/worker.ts';
import { HOME } from '../../support/given.ts';
import { GRACE_MS } from './chronicle.ts';
import { anyScript, Command, QUICK } from './command.ts';
import type { Field } from './field.ts';
import { Host, type Machine, ROOT } from './host.ts';

export const POLL_MS = 500;
export const KILL_AFTER_MS = 1000;
export const TTLS_MS: [number, ...number[]] = [1500, 3000, 6000, 20_000];

type Terms = Omit<RunOptions, 'jobId' | 'complete' | 'interrupt' | 'watched' | 'drain'>;

/** A machine on which a worker lives: `gait job work` all the time, or a `gait job run` after another. */
export class Worker {
  readonly name: string;
  readonly machine: Machine;
  readonly #field: Field;
  readonly #kind: 'work' | 'run';
  host: Host;
  #drain = new AbortController();
  #interrupt = new AbortController();

  constructor(name: string, kind: 'work' | 'run', field: Field) {
    this.name = name;
    this.#kind = kind;
    this.#field = field;
    this.machine = field.newMachine(name);
    this.host = new Host(name, this.machine, field);
    this.#host(this.host);
  }

  /** Told to end, as a signal does: the first time `work` only claims nothing more. */
  signal(): void {
    const { host } = this;
    if (!host.alive) return;
    this.#field.note(`${this.name} hears a signal`);
    const heard = this.#kind === 'work' && !this.#drain.signal.aborted ? this.#drain : this.#interrupt;
    host.after(0, () => heard.abort());
  }

  kill(): void {
    if (!this.host.alive) return;
    this.host.kill();
    for (const command of this.#field.commands.of(this.host)) command.orphaned();
    this.#field.time.at(this.#field.time.now + 200, () => this.restart());
  }

  restart(): void {
    this.host.kill();
    this.#drain = new AbortController();
    this.#interrupt = new AbortController();
    this.#host(new Host(this.name, this.machine, this.#field));
  }

  #host(host: Host): void {
    this.host = host;
    void this.#live(host)
      .then(() => {
        if (host.alive) this.#field.time.at(this.#field.time.now + 500, () => this.restart());
      })
      .catch((error: unknown) => {
        if (host.alive) this.#field.break(error);
      });
  }

  #live(host: Host): Promise<unknown> {
    return this.#kind === 'work' ? this.#work(host) : this.#run(host);
  }

  #work(host: Host): Promise<unknown> {
    const field = this.#field;
    const terms = this.#terms();
    const options: WorkOptions = {
      ...terms,
      ...{ concurrency: 1 + field.random.below(2), once: false, idleMs: POLL_MS },
      drain: this.#drain.signal,
      interrupt: this.#interrupt.signal,
    };
    return work(host.jobs, host, options, this.#ports(host, terms.ttlMs), {
      ended: (jobId, result) => field.commands.tells(host, jobId, result),
      refused: (jobId, error) => field.refused(host, jobId, error),
      troubled: (error) => field.refused(host, undefined, error),
    });
  }

  async #run(host: Host): Promise<void> {
    const field = this.#field;
    await host.sleep(field.random.below(4000));
    const jobId = field.anyJob('command');
    const terms = this.#terms();
    const options: RunOptions = { ...terms, jobId, complete: true, interrupt: this.#interrupt.signal };
    try {
      field.commands.tells(host, jobId, await runJob(host.jobs, options, this.#ports(host, terms.ttlMs)));
    } catch (error) {
      field.refused(host, jobId, error);
    }
  }

  #terms(): Terms {
    const ttlMs = this.#field.random.pick(TTLS_MS);
    const times = { graceMs: GRACE_MS, killAfterMs: KILL_AFTER_MS, pollMs: POLL_MS };
    return { workerId: this.name, ttlMs, jobRoot: ROOT, ...times };
  }

  #ports(host: Host, ttlMs: number): RunnerPorts {
    const field = this.#field;
    return {
      start: (_task, env, ms): TaskProcess => {
        const token = Number(env['GAIT_LEASE_TOKEN']);
        const of = { jobId: env['GAIT_JOB_ID'] ?? '', token, workerId: this.name };
        const script = field.peaceful ? QUICK : anyScript(field.random, ttlMs);
        const command = new Command(field, host, of, script, ms);
        field.commands.starts(command, ms);
        return command;
      },
      monotonic: () => field.subject.monotonic(host, field.time.now),
      observe: async () => HOME,
      sleep: (ms, signal) => host.sleep(ms, signal),
    };
  }
}
