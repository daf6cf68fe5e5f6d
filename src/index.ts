/** gait as a library: the event log, the job engine, captured runs and packs. Command-line concerns are not in it. */

export { canonicalize, parseCanonical } from './core/canonical.ts';
export { type Clock, manualClock, systemClock } from './core/clock.ts';
export { type ErrorCategory, GaitError } from './core/errors.ts';
export type { Json, JsonObject } from './core/json.ts';
export { isTimestamp, type Timestamp, timestamp } from './core/time.ts';
export { VERSION } from './core/version.ts';
export { writeFileAtomically } from './files/atomic_file.ts';
export type { Credential, Issued } from './gate/credentials/credential.ts';
export type { CredentialRequest } from './gate/credentials/request.ts';
export type { CredentialBroker } from './gate/enforce.ts';
export type { Decision as GateDecision } from './gate/evaluate.ts';
export { type AskOptions, type GateAnswer, type GateOptions, OpenGate, openGate } from './gate/open.ts';
export { policyDigest } from './gate/policy/digest.ts';
export type { Policy } from './gate/policy/policy.ts';
export { parsePolicy } from './gate/policy/yaml.ts';
export { type TraceVerification, verifyTrace } from './gate/records/verify_trace.ts';
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
export {
  CONFORMANCE,
  CONFORMANCE_ID_FIELD,
  type ConformanceCase,
  type ConformanceSubject,
} from './log/conformance.ts';
export { type Folded, replay, type StreamModel } from './log/fold.ts';
export {
  type Batch,
  type Expected,
  type Head,
  LogDamage,
  type Position,
  type StoredEvent,
  seal,
} from './log/record.ts';
export type { AppendOutcome, EventStore, ReadOptions, Snapshot } from './log/store.ts';
export { FileStore, type FileStoreOptions } from './log/stores/file_store.ts';
export { MemoryStore } from './log/stores/memory_store.ts';
export { type Decided, type Executed, StreamHandle } from './log/stream.ts';
export { type Pack, streamedMember } from './pack/build.ts';
export { type ComparedPack, diffPacks, type PackComparison, type PackDiff } from './pack/diff.ts';
export type { ApprovalSignatures } from './pack/kinds/job/approval_signatures.ts';
export { buildJobPack } from './pack/kinds/job/build.ts';
export { inspectJobPack, type JobInspection } from './pack/kinds/job/inspect.ts';
export { buildRunPack, type RunSource } from './pack/kinds/run/build.ts';
export { ComparableRun } from './pack/kinds/run/compare.ts';
export { inspectRunPack, type RunPackInspection } from './pack/kinds/run/inspect.ts';
export type { PackVerification, VerificationPolicy, VerifiedPack } from './pack/verified.ts';
export { verifyPack } from './pack/verify.ts';
export { diffRuns, type RunDiff } from './run/diff.ts';
export type {
  CapturedRun,
  CaptureMode,
  Receipt,
  Refs,
  Result,
  RunDocument,
  RunIntent,
  RunManifest,
} from './run/documents.ts';
export { inspectRun, type RunInspection } from './run/inspect.ts';
export { type Recorded, type RecordOptions, recordRun } from './run/record.ts';
export type { RecordVisitor } from './run/records.ts';
export { type Reduced, reduceRun } from './run/reduce.ts';
export { buildRunpack, type Runpack } from './run/runpack.ts';
export { type ChainVerification, chainOf, type SessionChain, verifyChain } from './run/session/chain.ts';
export { ticketFooter } from './run/session/footer.ts';
export { Journal } from './run/session/journal.ts';
export { decideAppend, decideStart, type SessionEvent, type SessionState } from './run/session/session.ts';
export { type RunpackVerification, type VerifiedRunpack, verifyRunpack } from './run/verify.ts';
export { createKeyFiles, keyPaths, readPrivateKey, readPublicKey } from './signing/key_files.ts';
export { type KeyPurpose, Keyring, type SignedBy, type TrustedKey } from './signing/keyring.ts';
export { type KeyringDocument, type KeyringEntry, parseKeyring } from './signing/keyring_file.ts';
export { generateKey, keyIdOf, type PublicKey, type SigningKey } from './signing/keys.ts';
export { packTrust } from './signing/ring_trust.ts';
export { type Signature, signDigest } from './signing/signature.ts';
export { type Trust, TrustSet } from './signing/trust.ts';
export { type Container, type ContainerFile, openContainer, readContainer } from './zip/reader.ts';
export { writeZipAtomically, zipOf } from './zip/writer.ts';
