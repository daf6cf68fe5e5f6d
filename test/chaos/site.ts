import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JobWorkspace, openWorkspace } from '../../src/job/open.ts';
import { FINAL_STATUSES } from '../../src/job/transitions.ts';
import type { Head } from '../../src/log/record.ts';
import type { Prng } from '../simulate/prng.ts';
import { seeded } from '../support/seed.ts';
import { type Kind, prepareCommands, taskOf } from './command.ts';
import { WorkerProcess } from './worker_process.ts';

/** Longer than a lease of 1 s and the 2 s for which others respect it: what outlives its worker by so much is found out. */
export const PAST_LEASE_S = 3.3;

/** Of the whole lane; what the machine does in the meantime says who draws next. */
export const RANDOM: Prng = seeded('chaos');

/** An event that somebody was told is on disk. */
export interface Acknowledged {
  readonly jobId: string;
  readonly head: Head;
  /** A text that stands in this event and in no other. */
  readonly mark: string;
}

/** A directory with jobs, and all that was done to it. */
export class Site {
  readonly dir: string;
  readonly workspace: JobWorkspace;
  readonly jobIds: string[] = [];
  readonly acknowledged: Acknowledged[] = [];
  /** Every text that an operator tried to write, known to be there or not. */
  readonly marks: string[] = [];
  readonly workers: WorkerProcess[] = [];
  /** What must never happen, and did. */
  readonly faults: string[] = [];
  readonly counts = {
    kills: 0,
    /** … of workers whose last word was that they run something. */
    killsAtWork: 0,
    stops: 0,
    operatorKills: 0,
    refusedWrites: 0,
    acceptedLate: 0,
    stuck: 0,
  };

  private constructor(dir: string) {
    this.dir = dir;
    this.workspace = openWorkspace({ dir, actor: 'lane' });
  }

  static async make(): Promise<Site> {
    const dir = await mkdtemp(join(tmpdir(), 'gait-chaos-'));
    await prepareCommands(dir);
    return new Site(dir);
  }

  get root(): string {
    return join(this.dir, 'jobs');
  }

  /** Submits jobs whose commands take between `seconds[0]` and `seconds[1]`, or, every tenth of them, far longer. */
  async submit(count: number, kinds: readonly Kind[], seconds: readonly [number, number]): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      const number = this.jobIds.length;
      const id = `j${String(number).padStart(4, '0')}`;
      const kind = kinds[number % kinds.length] ?? 'plain';
      const length = number % 10 === 0 ? PAST_LEASE_S + 1 : random(...seconds);
      await this.workspace.submit(id, { task: taskOf(this.dir, kind, length) });
      this.jobIds.push(id);
    }
  }

  /** How many jobs are not final yet. */
  async unfinished(): Promise<number> {
    const states = await Promise.all(this.jobIds.map((id) => this.workspace.state(id)));
    return states.filter(({ status }) => !FINAL_STATUSES.has(status)).length;
  }

  /** Lets a job go on, if it still waits for that. */
  async resume(id: string): Promise<void> {
    const { environment_fingerprint, environment } = await this.workspace.state(id);
    const claim = { fingerprint: environment_fingerprint, ...(environment === null ? {} : { environment }) };
    const order = { kind: 'resume', claim, allowEnvMismatch: false } as const;
    await this.workspace.jobs.execute(id, { actor: 'lane' }, order);
  }

  hire(...flags: readonly string[]): WorkerProcess {
    const worker = new WorkerProcess(`w${this.workers.length}`, this.root, this.dir, flags);
    this.workers.push(worker);
    return worker;
  }

  async close(): Promise<void> {
    for (const worker of this.workers) worker.signal('SIGKILL');
    await Promise.all(this.workers.map(({ ended }) => ended));
    await this.workspace.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}

export function random(from: number, to: number): number {
  return from + RANDOM.real() * (to - from);
}

export function oneOf<T>(values: readonly T[]): T | undefined {
  return values[RANDOM.below(values.length)];
}
