import { GaitError } from '../../core/errors.ts';
import { replay } from '../../log/fold.ts';
import type { Executed } from '../../log/stream.ts';
import { pendingDecisions } from '../approval/open_decisions.ts';
import type { JobCommand } from '../command.ts';
import { resumesByItself } from '../decide.ts';
import type { CheckpointType, LeaseOutcome } from '../events.ts';
import { jobModel } from '../model.ts';
import { type FollowedEvent, type FollowOptions, followJob, POLL_MS } from '../read/follow.ts';
import { eventOf, type JobHistory, readHistory } from '../read/history.ts';
import type { JobState } from '../state.ts';
import type { HeldLease } from './held_lease.ts';
import { LeaseKeeper } from './keeper.ts';
import type { LeasePorts } from './ports.ts';
import { type Answer, AskedQuestions, keyOf, type Question, textOf } from './questions.ts';
import { resumeAnswered } from './resume.ts';
import { nodeTimers } from './timers.ts';

/**
 * A job that this process holds the lease of, renewed in the background. `signal` aborts when the lease is lost, or the
 * job is paused, blocked, cancelled or stopped: stop the work then. Every write carries the lease's token: once another
 * worker has the job, it is refused with `lease_lost`, whatever this process believes.
 */
export class LeasedJob {
  readonly id: string;
  readonly token: number;
  readonly #ports: LeasePorts;
  readonly #worker: string;
  readonly #keeper: LeaseKeeper;
  /** The questions that are being asked, each once. */
  readonly #asking = new Map<string, Promise<Answer>>();
  /** The checkpoints whose answers this object gave already. */
  readonly #taken = new Set<string>();

  constructor(ports: LeasePorts, lease: HeldLease) {
    this.id = lease.terms.jobId;
    this.token = lease.token;
    this.#ports = ports;
    this.#worker = lease.terms.workerId;
    this.#keeper = new LeaseKeeper(ports.jobs, lease, ports.timers);
  }

  /** Aborts when the work has to stop; its `reason` is a GaitError that says why. */
  get signal(): AbortSignal {
    return this.#keeper.signal;
  }

  /** The job as its log has it now. */
  async state(): Promise<JobState> {
    return (await this.#ports.jobs.load(this.id)).state;
  }

  /** The job with all its checkpoints and approvals, from its first event on: what is done already. */
  history(): Promise<JobHistory> {
    return readHistory(this.#ports.store, this.id);
  }

  /** Records progress, or a plan, in 1 to 512 characters. It is on disk once this resolves. */
  async checkpoint(summary: string, type: 'progress' | 'plan' = 'progress'): Promise<JobState> {
    return this.#write(type, summary);
  }

  /**
   * Asks a person, and resolves once one approved it, in any process, and nothing else is open: the job runs again then.
   * A question that the job has open already, or whose answer no checkpoint of the work followed yet, is not asked a
   * second time. Rejects with the reason of `signal` when the work has to stop; the question stays open.
   */
  decision(question: Question): Promise<Answer> {
    const key = keyOf(question);
    const asked = this.#asking.get(key) ?? this.#ask(question).finally(() => void this.#asking.delete(key));
    this.#asking.set(key, asked);
    asked.catch(() => {}); // whoever awaits it is told, however late
    return asked;
  }

  /** Ends the job: it is done. Throws `approval_required` or `transition_not_allowed` while a decision is open. */
  async complete(summary: string): Promise<JobState> {
    return this.#keeper.leave(() => this.#write('completed', summary), this.#givenBack());
  }

  /** Leaves the job to a person, and gives the lease back. */
  async block(summary: string): Promise<JobState> {
    return this.#keeper.leave(async () => {
      await this.#write('blocked', summary);
      return this.#release('failed');
    }, this.#givenBack());
  }

  /** Gives the lease back: the job can be claimed again, once it is running. */
  async release(outcome: LeaseOutcome = 'given_up', reason?: string): Promise<JobState> {
    return this.#keeper.leave(() => this.#release(outcome, reason), this.#givenBack());
  }

  /** The events of the job, and further ones as they come, until it is final or the work has to stop. */
  follow(options: FollowOptions = {}): AsyncGenerator<FollowedEvent> {
    return followJob(this.#ports.store, this.id, { ...options, until: this.signal });
  }

  /** Stops the renewals without giving the lease back: it runs out. `signal` aborts with `why`. */
  async abandon(why: GaitError): Promise<void> {
    this.#keeper.end(why);
    await this.#keeper.settled();
  }

  async #ask(question: Question): Promise<Answer> {
    this.signal.throwIfAborted();
    const checkpointId = (await this.#pending(question)) ?? (await this.#askAnew(question));
    await this.#closed(checkpointId);
    const answer = (await this.#questions()).answerTo(checkpointId);
    if (answer === undefined) throw answerMissing(this.id, checkpointId);
    this.#taken.add(checkpointId);
    return answer;
  }

  async #pending(question: Question): Promise<string | undefined> {
    const { approval_count, open_decisions } = await this.state();
    if (approval_count === 0 && open_decisions.length === 0) return undefined;
    return (await this.#questions()).pending(question, this.#taken);
  }

  async #askAnew({ summary, requiredAction }: Question): Promise<string> {
    const { last_checkpoint } = await this.#write('decision-needed', summary, requiredAction);
    return last_checkpoint?.checkpoint_id ?? '';
  }

  /** Until the decision is no longer open, and the job runs again if no other is. */
  async #closed(checkpointId: string): Promise<void> {
    for (;;) {
      const job = await this.#look();
      this.signal.throwIfAborted();
      if (job !== undefined && resumesByItself(job) && job.open_decisions.length === 0) {
        if (await resumeAnswered(this.#ports, this.id, this.#worker)) continue;
      } else if (job !== undefined && job.held === undefined && !isUnsettled(job, checkpointId)) return;
      await (this.#ports.timers ?? nodeTimers).pause(POLL_MS, this.signal);
    }
  }

  /** The job as its log has it now; undefined while it cannot be read, until the lease runs out. */
  async #look(): Promise<JobState | undefined> {
    try {
      return await this.#keeper.look();
    } catch (error) {
      if (error instanceof GaitError && (error.category === 'io_failure' || error.retryable))
        return undefined;
      throw error;
    }
  }

  async #questions(): Promise<AskedQuestions> {
    const questions = new AskedQuestions();
    await replay(this.#ports.store, jobModel, this.id, (record, job) => questions.add(eventOf(record), job));
    return questions;
  }

  async #write(type: CheckpointType, summary: string, requiredAction?: string): Promise<JobState> {
    const order = { kind: 'checkpoint', type, summary: textOf(summary), token: this.token } as const;
    const asks = requiredAction === undefined ? {} : { requiredAction: textOf(requiredAction) };
    return (await this.#execute({ ...order, ...asks })).state;
  }

  async #release(outcome: LeaseOutcome, reason?: string): Promise<JobState> {
    const { jobs } = this.#ports;
    const author = { actor: this.#worker, ...(reason === undefined ? {} : { reason }) };
    return (await jobs.execute(this.id, author, { kind: 'release', token: this.token, outcome })).state;
  }

  /** Throws the reason to stop, if there is one, in place of what the command is refused with. */
  async #execute(command: JobCommand): Promise<Executed<JobState>> {
    try {
      return await this.#ports.jobs.execute(this.id, { actor: this.#worker }, command);
    } catch (error) {
      if (!(error instanceof GaitError) || !STOPPING.has(error.code)) throw error;
      if (error.code !== 'transition_not_allowed') this.#keeper.end(error);
      else await this.#keeper.look();
      if (error.code === 'transition_not_allowed') this.signal.throwIfAborted();
      throw error;
    }
  }

  #givenBack(): GaitError {
    return new GaitError({
      code: 'lease_given_back',
      category: 'state_contention',
      message: `job ${this.id}: this process gave its lease back`,
      hint: 'Claim the job again before you write on it.',
      details: { job_id: this.id },
    });
  }
}

function isUnsettled(job: JobState, checkpointId: string): boolean {
  return pendingDecisions(job).some(({ checkpoint_id }) => checkpoint_id === checkpointId);
}

/** Refusals behind which the work may have to stop. */
const STOPPING: ReadonlySet<string> = new Set(['lease_lost', 'budget_exceeded', 'transition_not_allowed']);

function answerMissing(jobId: string, checkpointId: string): GaitError {
  return new GaitError({
    code: 'unexpected',
    category: 'internal_failure',
    message: `job ${jobId}: ${checkpointId} is closed, and the log holds no answer to it`,
    hint: 'This is a bug of gait. Check the log: gait job verify.',
  });
}
