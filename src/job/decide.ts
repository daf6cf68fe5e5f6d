import type { Decided } from '../log/stream.ts';
import { decideApprove } from './approval/decide.ts';
import { openAt, pendingDecisions } from './approval/open_decisions.ts';
import { approvalRequired } from './approval/refusals.ts';
import { approvalPolicyOf } from './approval_policy.ts';
import {
  checkActor,
  checkBudget,
  checkCheckpoint,
  checkClock,
  checkFingerprint,
  checkReason,
  checkTask,
  MAX_OPEN_DECISIONS,
} from './checks.ts';
import type { JobCommand, SubmitCommand } from './command.ts';
import { type CommandContext, notAllowed, record, refuse } from './decision.ts';
import type { EventPayloads } from './events.ts';
import { differences } from './fingerprint.ts';
import { decideLease, holdsNot, stepsExceeded } from './lease/decide.ts';
import { shapeFault } from './order_shape.ts';
import {
  environmentMismatch,
  jobExists,
  jobNotFound,
  reasonRequired,
  revisionMoved,
  tooManyDecisions,
  transitionNotAllowed,
} from './refusals.ts';
import { boundEnvironment, type Job, type JobState, nextCheckpointId } from './state.ts';
import { TRANSITIONS } from './transitions.ts';

/** The decider of a job: the events that a command makes of the state, or why not. Pure. */
export function decide(job: Job, command: JobCommand, context: CommandContext): Decided {
  const refusal =
    shapeFault(command, context) ??
    checkClock(context.now) ??
    checkActor(context.actor) ??
    checkReason(context.reason) ??
    ('claim' in command ? checkFingerprint(command.claim.fingerprint) : undefined);
  if (refusal !== undefined) return refuse(refusal);
  if (command.kind === 'submit') return decideSubmit(job, command, context);
  if (job === undefined) return refuse(jobNotFound(context.jobId));
  if ((context.ifRevision ?? job.revision) !== job.revision)
    return refuse(revisionMoved(job, context.ifRevision));
  switch (command.kind) {
    case 'claim':
    case 'renew':
    case 'release':
      return decideLease(job, command, context);
    case 'checkpoint':
      return decideCheckpoint(job, command, context);
    case 'approve':
      return decideApprove(job, command, context);
    case 'resume':
      return decideResume(job, command, context);
    case 'repair': {
      const { cutBytes, cutSha256, keptAs, after } = command;
      const cut = { cut_bytes: cutBytes, cut_sha256: cutSha256, kept_as: keptAs };
      return record(job, 'repaired', 'log_repaired', { ...cut, after, ...because(context) }, context);
    }
    default: {
      const row = TRANSITIONS[command.kind];
      return (
        notAllowed(job, command.kind) ?? record(job, row.event, row.reasonCode, because(context), context)
      );
    }
  }
}

function decideSubmit(job: Job, command: SubmitCommand, context: CommandContext): Decided {
  const fault =
    (command.task === undefined ? undefined : checkTask(command.task)) ??
    (command.budget === undefined ? undefined : checkBudget(command.budget));
  if (fault !== undefined) return refuse(fault);
  const policy = command.approvers === undefined ? undefined : approvalPolicyOf(command.approvers);
  if (policy !== undefined && 'fault' in policy) return refuse(policy.fault);
  if (job !== undefined) return refuse(jobExists(job));
  return record(job, 'submitted', TRANSITIONS.submit.reasonCode, submittedPayload(command, context), context);
}

/** What the log keeps of a submission that nothing is wrong with. */
export function submittedPayload(
  { claim, producerVersion, task, budget, approvers }: SubmitCommand,
  context: Pick<CommandContext, 'reason'>,
): EventPayloads['submitted'] {
  const { fingerprint, environment } = claim;
  const policy = approvers === undefined ? undefined : approvalPolicyOf(approvers);
  return {
    environment_fingerprint: fingerprint,
    ...(environment === undefined ? {} : { environment }),
    producer_version: producerVersion,
    ...(task === undefined ? {} : { command: task }),
    ...(budget === undefined ? {} : { budget }),
    ...(policy === undefined || 'fault' in policy ? {} : { approval_policy: policy }),
    ...because(context),
  };
}

function decideCheckpoint(
  job: JobState,
  command: JobCommand & { kind: 'checkpoint' },
  context: CommandContext,
): Decided {
  const fault = checkCheckpoint(command.type, command.summary, command.requiredAction);
  if (fault !== undefined) return refuse(fault);
  const refusal =
    notAllowed(job, `checkpoint ${command.type}`) ??
    holdsNot(job, command.token, command.worker ?? context.actor);
  if (refusal !== undefined) return refusal;
  const over = command.type === 'progress' ? stepsExceeded(job, context) : undefined;
  if (over !== undefined) return over;
  if (command.type === 'decision-needed' && pendingDecisions(job).length >= MAX_OPEN_DECISIONS) {
    return refuse(tooManyDecisions(job));
  }
  if (command.type === 'completed' && openAt(job, context.now).length > 0) {
    return refuse(approvalRequired(job, context.now, 'completing'));
  }
  const payload = {
    checkpoint_id: nextCheckpointId(job),
    checkpoint_type: command.type,
    summary: command.summary.trim(),
    required_action: command.type === 'decision-needed' ? (command.requiredAction ?? '').trim() : '',
    ...(command.token === undefined ? {} : { token: command.token }),
    ...because(context),
  };
  return record(job, 'checkpoint_added', `checkpoint_${command.type.replace('-', '_')}`, payload, context);
}

/** In this order: is it allowed from here, is every decision approved, is the environment still the same. */
function decideResume(
  job: JobState,
  command: JobCommand & { kind: 'resume' },
  context: CommandContext,
): Decided {
  const refusal = notAllowed(job, 'resume');
  if (refusal !== undefined) return refusal;
  if (command.automatic === true && !resumesByItself(job)) return refuse(transitionNotAllowed(job, 'resume'));
  if (openAt(job, context.now).length > 0) return refuse(approvalRequired(job, context.now, 'resume'));
  const expected = boundEnvironment(job);
  const changed = differences(expected, command.claim);
  if (changed.length === 0) {
    return record(
      job,
      'resumed',
      TRANSITIONS.resume.reasonCode,
      { reason: context.reason ?? 'resume' },
      context,
    );
  }
  const prints = {
    expected_fingerprint: expected.fingerprint,
    actual_fingerprint: command.claim.fingerprint,
  };
  if (!command.allowEnvMismatch) {
    const payload = { ...prints, differences: changed, ...because(context) };
    const row = TRANSITIONS['resume refused'];
    return {
      ...record(job, row.event, row.reasonCode, payload, context),
      refusal: environmentMismatch(job, prints, changed),
    };
  }
  if (context.reason === undefined) return refuse(reasonRequired());
  const { environment } = command.claim;
  const payload = {
    ...prints,
    reason: context.reason,
    ...(environment === undefined ? {} : { environment }),
  };
  return record(job, 'resumed', 'resumed_with_env_override', payload, context);
}

/** Only a decision that the running job asked for lets it run again once it is answered. */
export function resumesByItself({ status, held }: JobState): boolean {
  return status === 'decision_needed' && held === undefined;
}

function because({ reason }: Pick<CommandContext, 'reason'>): { reason?: string } {
  return reason === undefined ? {} : { reason };
}
