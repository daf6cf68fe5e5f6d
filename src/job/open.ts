import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { type Clock, systemClock } from '../core/clock.ts';
import { GaitError, invalidInput } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import type { EventStore } from '../log/store.ts';
import { openStore } from '../log/stores/open_store.ts';
import type { SigningKey } from '../signing/keys.ts';
import { approval } from './approval/decide.ts';
import type { Approvers } from './approval_policy.ts';
import type { SubmitCommand } from './command.ts';
import { absoluteRule, environmentHere } from './environment.ts';
import type { Budget, JobTask } from './events.ts';
import { type EnvironmentClaim, fingerprintRules } from './fingerprint.ts';
import { type Author, type JobListing, Jobs } from './jobs.ts';
import { jobModel } from './model.ts';
import { isPlain, isTexts } from './order_shape.ts';
import { type FollowedEvent, type FollowOptions, followJob } from './read/follow.ts';
import { type JobHistory, readHistory } from './read/history.ts';
import type { JobState } from './state.ts';
import { submitJob } from './submission.ts';
import { claimNow, claimOnceFree } from './work/claim.ts';
import { GRACE_MS } from './work/held_lease.ts';
import type { LeasedJob } from './work/leased_job.ts';

export interface WorkspaceOptions {
  /** The output directory. By default GAIT_OUT_DIR, else `./gait-out`; its jobs are in `jobs`, or in GAIT_JOB_ROOT. */
  readonly dir?: string;
  /** Who acts, unless a call says otherwise. By default GAIT_ACTOR, else `agent`. */
  readonly actor?: string;
  readonly clock?: Clock;
  /** Milliseconds of a monotonic clock: by it a lease that could not be renewed in time counts as lost. */
  readonly monotonic?: () => number;
  /** A store in place of the files. */
  readonly store?: EventStore;
}

export interface SubmitOptions {
  readonly reason?: string;
  /** Answer with the job of this id that was submitted with the same content, instead of refusing: `job_exists`. */
  readonly ifAbsent?: boolean;
  /** What `gait job work` is to run for it. */
  readonly task?: JobTask;
  readonly budget?: Budget;
  /** What the job depends on beside os, arch and runtime: `hostname`, `cwd`, `env:NAME`, `file:PATH`. */
  readonly rules?: readonly string[];
  /** Whose signatures its decisions need. By default none: then whoever can write the log can approve. */
  readonly approvers?: Approvers;
  /** What the job is bound to, in place of what the rules give on this machine. */
  readonly environment?: EnvironmentClaim;
}

export interface ClaimOptions {
  /** By default the actor of the workspace. */
  readonly worker?: string;
  /** How long the lease lasts without renewal; it is renewed at a third of it. Milliseconds; by default 30 seconds. */
  readonly ttlMs?: number;
  /** How long after its end a lease of somebody else is respected. Milliseconds; by default 2 seconds. */
  readonly graceMs?: number;
  /** Wait until the job can be claimed, instead of being refused: for an agent that takes up its work again. */
  readonly wait?: boolean;
  /** Ends the wait, with `wait_aborted`. */
  readonly signal?: AbortSignal;
  /** What the work runs in, for a job that was submitted with an environment of the caller's own. */
  readonly environment?: EnvironmentClaim;
}

export interface ApproveOptions {
  /** The person. By default the actor of the workspace. */
  readonly by?: string;
  readonly reason?: string;
  /** By default the only open decision, of a job that never asked for another one. */
  readonly checkpointId?: string;
  /** The revision of the job that the person saw; refused with `revision_moved` if it went on. */
  readonly ifRevision?: number;
  /** The key of an approver, to sign with; needed where the job names approvers. */
  readonly key?: SigningKey;
  /** How long a signed approval counts, unless the job is resumed on it. Milliseconds, at most 30 days; by default 24 hours. */
  readonly expiresMs?: number;
}

const TTL_MS = 30_000;

/** The jobs of a workspace, for an agent's code: the same logs as the commands work on. */
export class JobWorkspace {
  readonly jobs: Jobs;
  readonly store: EventStore;
  readonly #actor: string;
  readonly #clock: Clock;
  readonly #monotonic: () => number;
  readonly #leased = new Set<LeasedJob>();
  readonly #closed = new AbortController();

  constructor(options: WorkspaceOptions = {}) {
    const { dir, actor, clock = systemClock, monotonic, store } = checkedOptions(options);
    const root = dir === undefined ? defaultRoot() : join(dir, 'jobs');
    this.store = store ?? openStore(root, jobModel.idField);
    this.jobs = new Jobs(this.store, clock);
    this.#actor = actor ?? given('GAIT_ACTOR') ?? 'agent';
    this.#clock = clock;
    setMaxListeners(0, this.#closed.signal); // one for each claim that waits
    this.#monotonic = monotonic ?? (() => performance.now());
  }

  /** Submits a job. Throws `job_exists`, `approvers_invalid`, `key_untrustworthy`. */
  async submit(jobId: string, options: SubmitOptions = {}): Promise<JobState> {
    const { reason, task, budget, approvers, rules = [], ifAbsent = false } = options;
    if (!isTexts(rules)) throw invalidInput('arguments_invalid', 'rules of a job are a list of texts');
    this.#assertOpen();
    const claim = options.environment ?? (await environmentHere(fingerprintRules(rules.map(absoluteRule))));
    const order: SubmitCommand = {
      kind: 'submit',
      claim,
      producerVersion: VERSION,
      ...(task === undefined ? {} : { task }),
      ...(budget === undefined ? {} : { budget }),
      ...(approvers === undefined ? {} : { approvers }),
    };
    const author = this.#author(undefined, reason);
    return (await submitJob(this.jobs, this.store, jobId, author, order, ifAbsent)).state;
  }

  /**
   * Takes the lease of a job and keeps it renewed. Throws `lease_held`, `transition_not_allowed` for a job that is not
   * running, `budget_exceeded`; with `wait`, of these only what waiting does not change.
   */
  async claim(jobId: string, options: ClaimOptions = {}): Promise<LeasedJob> {
    const { worker: workerId = this.#actor, ttlMs = TTL_MS, graceMs = GRACE_MS, environment } = options;
    this.#assertOpen();
    const { jobs, store } = this;
    const observe = environment === undefined ? environmentHere : async () => environment;
    const ports = { jobs, store, monotonic: this.#monotonic, observe };
    const claim = { jobId, workerId, ttlMs, graceMs };
    const leased =
      options.wait === true
        ? await claimOnceFree(ports, this.#clock, claim, this.#until(options.signal))
        : await claimNow(ports, claim);
    this.#leased.add(leased);
    leased.signal.addEventListener('abort', () => this.#leased.delete(leased), { once: true });
    if (this.#closed.signal.aborted) await leased.abandon(workspaceClosed());
    return leased;
  }

  /**
   * Approves a decision of a job, with a signature if there is a key. Throws `nothing_to_approve`, `checkpoint_ambiguous`,
   * `checkpoint_unnamed`, `revision_moved`, and where a job names approvers `approval_unsigned`, `approver_unknown`, `approver_repeated`.
   */
  async approve(jobId: string, options: ApproveOptions = {}): Promise<JobState> {
    const { by, reason, checkpointId, key, expiresMs, ifRevision } = options;
    this.#assertOpen();
    const order = approval({ checkpointId, key, expiresMs });
    const author = { ...this.#author(by, reason), ...(ifRevision === undefined ? {} : { ifRevision }) };
    return (await this.jobs.execute(jobId, author, order)).state;
  }

  /** The job as its log has it now. */
  async state(jobId: string): Promise<JobState> {
    this.#assertOpen();
    return (await this.jobs.load(jobId)).state;
  }

  /** A job with all its checkpoints and approvals, from its first event on. */
  history(jobId: string): Promise<JobHistory> {
    return readHistory(this.store, jobId);
  }

  /** Every job, sorted by id. */
  list(): AsyncGenerator<JobListing> {
    return this.jobs.list();
  }

  /** The events of a job, and further ones as they come, until it is final. Throws `job_not_found`. */
  follow(jobId: string, options: FollowOptions = {}): AsyncGenerator<FollowedEvent> {
    return followJob(this.store, jobId, { ...options, signal: this.#until(options.signal) });
  }

  /** Ends all that waits or follows here, and stops renewing; leases that were not given back run out. */
  async close(): Promise<void> {
    this.#closed.abort(workspaceClosed());
    await Promise.all([...this.#leased].map((leased) => leased.abandon(workspaceClosed())));
    await this.store.close();
  }

  #author(actor: string | undefined, reason: string | undefined): Author {
    return { actor: actor ?? this.#actor, ...(reason === undefined ? {} : { reason }) };
  }

  #until(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]);
  }

  #assertOpen(): void {
    if (this.#closed.signal.aborted) throw workspaceClosed();
  }
}

/** Opens the jobs of a workspace. Nothing is read or made before it is needed. */
export function openWorkspace(options: WorkspaceOptions = {}): JobWorkspace {
  return new JobWorkspace(options);
}

/** Of callers without types: what would quietly mean the default is refused. */
function checkedOptions(options: WorkspaceOptions): WorkspaceOptions {
  const { dir, actor } = isPlain(options) ? options : { dir: options };
  for (const [name, value] of Object.entries({ dir, actor })) {
    if (value === undefined || (typeof value === 'string' && value !== '')) continue;
    throw invalidInput(
      'arguments_invalid',
      `${name} of a workspace is no text`,
      'openWorkspace({ dir, actor })',
    );
  }
  if (isPlain(options)) return options;
  throw invalidInput(
    'arguments_invalid',
    'a workspace is opened with an object',
    'openWorkspace({ dir, actor })',
  );
}

/** Where the commands keep the jobs too. */
function defaultRoot(): string {
  return given('GAIT_JOB_ROOT') ?? join(given('GAIT_OUT_DIR') ?? 'gait-out', 'jobs');
}

function given(name: string): string | undefined {
  const value = process.env[name];
  return value === '' ? undefined : value;
}

function workspaceClosed(): GaitError {
  return new GaitError({
    code: 'workspace_closed',
    category: 'state_contention',
    message: 'the workspace was closed',
    hint: 'Open it again.',
  });
}
