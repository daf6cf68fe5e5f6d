/** `gait/job`: durable jobs that a person can pause, approve, resume and cancel, for an agent's own code. */

export type { ApprovalSigning, ApproveCommand } from './job/approval/decide.ts';
export type { ApprovalPolicy, ApproverKey, Approvers } from './job/approval_policy.ts';
export type { JobCommand } from './job/command.ts';
export { decide } from './job/decide.ts';
export type { CommandContext } from './job/decision.ts';
export type {
  ApprovalSignature,
  Budget,
  CheckpointType,
  JobEvent,
  JobTask,
  LeaseOutcome,
} from './job/events.ts';
export { evolve } from './job/evolve.ts';
export {
  claimOf,
  type Difference,
  type Environment,
  type EnvironmentClaim,
  fingerprintOf,
  fingerprintRules,
} from './job/fingerprint.ts';
export { type Author, type JobListing, Jobs } from './job/jobs.ts';
export { jobModel } from './job/model.ts';
export {
  type ApproveOptions,
  type ClaimOptions,
  JobWorkspace,
  openWorkspace,
  type SubmitOptions,
  type WorkspaceOptions,
} from './job/open.ts';
export type { FollowedEvent, FollowOptions } from './job/read/follow.ts';
export { type JobHistory, readHistory, runtimeState } from './job/read/history.ts';
export { type JobVerification, verifyJob } from './job/read/verify.ts';
export { planRepair, type RepairPlan, repair } from './job/repair/repair.ts';
export type { Approval, Checkpoint, Job, JobState, OpenDecision, StandingApproval } from './job/state.ts';
export { type Status, TRANSITIONS, type Transition } from './job/transitions.ts';
export { LeasedJob } from './job/work/leased_job.ts';
export type { Answer, Question } from './job/work/questions.ts';
