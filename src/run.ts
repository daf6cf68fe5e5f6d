/** `gait/run`: captured runs, their comparison and reduction, and the sessions that they are sealed from. */

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
