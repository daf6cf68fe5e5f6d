import { join } from 'node:path';
import { type Clock, systemClock } from '../core/clock.ts';
import { VERSION } from '../core/version.ts';
import { FileStore } from '../log/file_store.ts';
import type { EventStore } from '../log/store.ts';
import type { Budget, JobTask } from './events.ts';
import { claimOf, DEFAULT_RULES, type EnvironmentClaim } from './fingerprint.ts';
import { followJob, type Happening } from './follow.ts';
import { type JobListing, Jobs } from './jobs.ts';
import { LeasedJob } from './leased_job.ts';
import { jobModel } from './model.ts';
import type { JobState } from './state.ts';

export interface WorkspaceOptions {
  /** The output directory. By default GAIT_OUT_DIR, else `./gait-out`; its jobs are in `jobs`, or in GAIT_JOB_ROOT. */
  readonly dir?: string;
  /** Who acts, unless a call says otherwise. By default GAIT_ACTOR, else `agent`. */
  readonly actor?: string;
  readonly clock?: Clock;
  /** A store in place of the files. */
  readonly store?: EventStore;
}

export interface SubmitOptions {
  readonly reason?: string;
  /** What `gait job work` is to run for it. */
  readonly task?: JobTask;
  readonly budget?: Budget;
  /** What the job is bound to. By default this system, architecture and major version of the runtime. */
  readonly environment?: EnvironmentClaim;
}

export interface ClaimOptions {
  /** By default the actor of the workspace. */
  readonly worker?: string;
  /** Milliseconds; by default 30 seconds. */
  readonly ttlMs?: number;
  /** How long after its end a lease of somebody else is respected. Milliseconds; by default 2 seconds. */
  readonly graceMs?: number;
}

const TTL_MS = 30_000;
const GRACE_MS = 2000;

/** The jobs of a workspace, for an agent's code: the same logs as the commands work on. */
export class JobWorkspace {
  readonly jobs: Jobs;
  readonly store: EventStore;
  readonly #actor: string;

  constructor({ dir, actor, clock = systemClock, store }: WorkspaceOptions = {}) {
    const { env } = process;
    const root =
      dir === undefined
        ? (env['GAIT_JOB_ROOT'] ?? join(env['GAIT_OUT_DIR'] ?? 'gait-out', 'jobs'))
        : join(dir, 'jobs');
    this.store = store ?? new FileStore({ root, idField: jobModel.idField });
    this.jobs = new Jobs(this.store, clock);
    this.#actor = actor ?? env['GAIT_ACTOR'] ?? 'agent';
  }

  /** Submits a job. Throws `job_exists`. */
  async submit(jobId: string, options: SubmitOptions = {}): Promise<JobState> {
    const { reason, task, budget, environment = thisEnvironment() } = options;
    const author = { actor: this.#actor, ...(reason === undefined ? {} : { reason }) };
    const { state } = await this.jobs.execute(jobId, author, {
      kind: 'submit',
      claim: environment,
      producerVersion: VERSION,
      ...(task === undefined ? {} : { task }),
      ...(budget === undefined ? {} : { budget }),
    });
    return state;
  }

  /** Takes the lease of a job and keeps it renewed. Throws `lease_held`, `transition_not_allowed`, `budget_exceeded`. */
  async claim(jobId: string, options: ClaimOptions = {}): Promise<LeasedJob> {
    const { worker = this.#actor, ttlMs = TTL_MS, graceMs = GRACE_MS } = options;
    const askedAt = performance.now();
    const order = { kind: 'claim', workerId: worker, ttlMs, graceMs } as const;
    const { state } = await this.jobs.execute(jobId, { actor: worker }, order);
    const claimed = { id: jobId, token: state.lease?.token ?? 0, askedAt };
    return new LeasedJob(this.jobs, this.store, claimed, { worker, ttlMs }, thisEnvironment());
  }

  /** Approves a decision of a job; by default the only open one. */
  async approve(jobId: string, by: string, reason: string, checkpointId?: string): Promise<JobState> {
    const order = { kind: 'approve', ...(checkpointId === undefined ? {} : { checkpointId }) } as const;
    return (await this.jobs.execute(jobId, { actor: by, reason }, order)).state;
  }

  /** The job as its log has it now. */
  async state(jobId: string): Promise<JobState> {
    return (await this.jobs.load(jobId)).state;
  }

  /** Every job, sorted by id. */
  list(): AsyncGenerator<JobListing> {
    return this.jobs.list();
  }

  /** The events of a job, and further ones as they come, until it is final. */
  follow(jobId: string, signal?: AbortSignal): AsyncGenerator<Happening> {
    return followJob(this.store, jobId, signal === undefined ? {} : { signal });
  }

  close(): Promise<void> {
    return this.store.close();
  }
}

/** Opens the jobs of a workspace. Nothing is read or made before it is needed. */
export function openWorkspace(options: WorkspaceOptions = {}): JobWorkspace {
  return new JobWorkspace(options);
}

function thisEnvironment(): EnvironmentClaim {
  const values = {
    os: process.platform,
    arch: process.arch,
    runtime: `node${process.versions.node.split('.')[0]}`,
  };
  return claimOf({ rules: DEFAULT_RULES, values });
}
