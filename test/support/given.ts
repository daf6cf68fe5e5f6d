import assert from 'node:assert/strict';
import type { ErrorCategory, GaitError } from '../../src/core/errors.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { timestamp } from '../../src/core/time.ts';
import type { JobCommand } from '../../src/job/command.ts';
import { decide } from '../../src/job/decide.ts';
import type { CommandContext } from '../../src/job/decision.ts';
import type { Budget, CheckpointType, LeaseOutcome } from '../../src/job/events.ts';
import { evolveStored } from '../../src/job/evolve.ts';
import { claimOf, type EnvironmentClaim } from '../../src/job/fingerprint.ts';
import { boundEnvironment, type Job, type JobState } from '../../src/job/state.ts';
import type { Decided } from '../../src/log/stream.ts';
import { gaitError } from './refusals.ts';

export const JOB_ID = 'job_1';
export const ACTOR = 'alice';

/** What of an event a test says by hand. */
export interface ExpectedEvent {
  readonly type: string;
  readonly reason_code: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** An event with its envelope. */
export interface DecidedEvent extends ExpectedEvent {
  readonly actor: string;
}

type Author = Partial<Pick<CommandContext, 'actor' | 'reason' | 'jobId' | 'now' | 'ifRevision'>>;

/** A command and who gives it, when that matters. */
export type Given = JobCommand | readonly [JobCommand, Author];

export interface Outcome {
  /** The one event of the decision. */
  readonly event: DecidedEvent;
  readonly refusal: GaitError | undefined;
  /** Exactly these events and no refusal; answers the state after them. */
  recorded(...events: readonly ExpectedEvent[]): JobState;
  /** No event, and this refusal. */
  refused(code: string, category?: ErrorCategory): GaitError;
  /** These events are recorded, and the command is refused all the same. */
  recordedAndRefused(event: ExpectedEvent, code: string, category: ErrorCategory): JobState;
}

/** A job with these commands behind it: `given(submit(), pause).when(resume()).recorded(…)`. */
export function given(...commands: readonly Given[]): {
  readonly job: Job;
  when(command: JobCommand, author?: Author): Outcome;
} {
  const job = jobAfter(...commands);
  return { job, when: (command, author = {}) => outcome(job, decideAt(job, command, author)) };
}

/** The state after commands that are all obeyed, or whose refusal is recorded. */
export function jobAfter(...commands: readonly Given[]): Job {
  return commands.reduce<Job>((job, step) => {
    const [command, author] = 'kind' in step ? [step, {}] : step;
    const { events, refusal } = decideAt(job, command, author);
    assert.ok(events.length > 0, `given: ${command.kind} was refused: ${refusal?.message}`);
    return folded(job, events);
  }, undefined);
}

/** Decides at a time that the revision gives, a minute after the event before, unless the author says when. */
export function decideAt(job: Job, command: JobCommand, author: Author = {}): Decided {
  return decide(job, command, { jobId: JOB_ID, actor: actorOf(job, command), now: timeOf(job), ...author });
}

/** A worker acts in its own name: a token is good with no other. */
function actorOf(job: Job, command: JobCommand): string {
  if (command.kind === 'claim') return command.workerId;
  const works = command.kind === 'renew' || command.kind === 'release' || 'token' in command;
  return works ? (job?.lease?.worker_id ?? ACTOR) : ACTOR;
}

export function timeOf(job: Job): string {
  return timestamp(Date.UTC(2026, 1, 14) + (job?.revision ?? 0) * 60_000);
}

export function folded(job: Job, events: readonly JsonObject[]): Job {
  return events.reduce<Job>(evolveStored, job);
}

function outcome(job: Job, decision: Decided): Outcome {
  const decided = (expected: readonly ExpectedEvent[]): JobState => {
    assert.deepEqual(
      decision.events.map(({ type, reason_code, payload }) => ({ type, reason_code, payload })),
      expected,
    );
    const after = folded(job, decision.events);
    assert.ok(after !== undefined);
    return after;
  };
  return {
    get event() {
      const [event] = decision.events;
      assert.ok(event !== undefined && decision.events.length === 1);
      return event as unknown as DecidedEvent;
    },
    refusal: decision.refusal,
    recorded(...events) {
      assert.equal(decision.refusal, undefined);
      return decided(events);
    },
    refused(code, category = 'invalid_input') {
      assert.deepEqual(decision.events, [], 'a refusal without a record');
      return refusalOf(decision, code, category);
    },
    recordedAndRefused(event, code, category) {
      refusalOf(decision, code, category);
      return decided([event]);
    },
  };
}

function refusalOf({ refusal }: Decided, code: string, category: ErrorCategory): GaitError {
  assert.ok(refusal !== undefined, `not refused, but should be with ${code}`);
  gaitError(code, category)(refusal);
  return refusal;
}

export const HOME: EnvironmentClaim = claimOf({
  rules: ['arch', 'os', 'runtime'],
  values: { arch: 'x64', os: 'linux', runtime: 'node20' },
});

/** What a job is bound to; {@link HOME} for none. */
export function environmentOf(job: Job): EnvironmentClaim {
  return job === undefined ? HOME : boundEnvironment(job);
}

/** As {@link HOME}, on another machine. */
export const AWAY: EnvironmentClaim = claimOf({
  rules: ['arch', 'os', 'runtime'],
  values: { arch: 'arm64', os: 'darwin', runtime: 'node20' },
});

export function submit(claim: EnvironmentClaim = HOME): JobCommand {
  return { kind: 'submit', claim, producerVersion: '0.1.0' };
}

export function submitWith(budget: Budget): JobCommand {
  return { kind: 'submit', claim: HOME, producerVersion: '0.1.0', budget };
}

export const MINUTE = 60_000;
export const GRACE = 2000;

/** A claim for half a minute, unless told otherwise: the minute between two commands outlasts it. */
export function claim(workerId = 'w1', ttlMs: number = MINUTE / 2, graceMs: number = GRACE): JobCommand {
  return { kind: 'claim', workerId, ttlMs, graceMs, claim: HOME };
}

export function renew(token: number, ttlMs: number = MINUTE / 2): JobCommand {
  return { kind: 'renew', token, ttlMs };
}

export function release(token: number, outcome: LeaseOutcome = 'given_up'): JobCommand {
  return { kind: 'release', token, outcome };
}

/** The same command, written by the holder of this lease. */
export function under(token: number, command: JobCommand): JobCommand {
  return { ...command, token } as JobCommand;
}

/** So many milliseconds after {@link timeOf} the first event. */
export function at(ms: number): { readonly now: string } {
  return { now: timestamp(Date.UTC(2026, 1, 14) + ms) };
}

export function checkpoint(type: CheckpointType, summary = 'work', requiredAction?: string): JobCommand {
  return { kind: 'checkpoint', type, summary, ...(requiredAction === undefined ? {} : { requiredAction }) };
}

export function ask(requiredAction = 'approve the deploy'): JobCommand {
  return checkpoint('decision-needed', 'a decision', requiredAction);
}

export function approve(checkpointId?: string): JobCommand {
  return { kind: 'approve', ...(checkpointId === undefined ? {} : { checkpointId }) };
}

export function resume(claim: EnvironmentClaim = HOME): JobCommand {
  return { kind: 'resume', claim, allowEnvMismatch: false };
}

export function resumeAnyway(claim: EnvironmentClaim): JobCommand {
  return { kind: 'resume', claim, allowEnvMismatch: true };
}

export const pause: JobCommand = { kind: 'pause' };
export const cancel: JobCommand = { kind: 'cancel' };
export const stop: JobCommand = { kind: 'stop' };
