/** gait as a library: the event log, the job engine and packs. Command-line concerns are not in it. */

export { canonicalize, parseCanonical } from './core/canonical.ts';
export { type Clock, manualClock, systemClock } from './core/clock.ts';
export { type ErrorCategory, GaitError } from './core/errors.ts';
export type { Json, JsonObject } from './core/json.ts';
export { isTimestamp, type Timestamp, timestamp } from './core/time.ts';
export { VERSION } from './core/version.ts';
export { type CommandContext, decide, type JobCommand } from './job/decide.ts';
export type { CheckpointType, JobEvent } from './job/events.ts';
export { evolve } from './job/evolve.ts';
export {
  claimOf,
  type Difference,
  type Environment,
  type EnvironmentClaim,
  fingerprintOf,
  fingerprintRules,
} from './job/fingerprint.ts';
export { type JobHistory, readHistory, runtimeState } from './job/history.ts';
export { type Author, type JobListing, Jobs } from './job/jobs.ts';
export { jobModel } from './job/model.ts';
export { planRepair, type RepairPlan, repair } from './job/repair.ts';
export type { Approval, Checkpoint, Job, JobState, OpenDecision } from './job/state.ts';
export { type Status, TRANSITIONS, type Transition } from './job/transitions.ts';
export { type JobVerification, verifyJob } from './job/verify.ts';
export {
  CONFORMANCE,
  CONFORMANCE_ID_FIELD,
  type ConformanceCase,
  type ConformanceSubject,
} from './log/conformance.ts';
export { FileStore, type FileStoreOptions } from './log/file_store.ts';
export { type Folded, replay, type StreamModel } from './log/fold.ts';
export { MemoryStore } from './log/memory_store.ts';
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
export { type Decision, type Executed, StreamHandle } from './log/stream.ts';
export { buildJobPack, type Pack } from './pack/build.ts';
export { inspectJobPack, type JobInspection } from './pack/inspect.ts';
export {
  type PackVerification,
  type VerificationPolicy,
  type VerifiedPack,
  verifyPack,
} from './pack/verify.ts';
export { createKeyFiles, keyPaths, readPrivateKey, readPublicKey } from './signing/key_files.ts';
export { generateKey, keyIdOf, type PublicKey, type SigningKey } from './signing/keys.ts';
export { type Signature, signDigest } from './signing/signature.ts';
export { TrustSet } from './signing/trust.ts';
export { type Container, openContainer } from './zip/reader.ts';
export { writeFileAtomically, zipOf } from './zip/writer.ts';
