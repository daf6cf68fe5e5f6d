/** `gait/log`: append-only streams of chained records with compare-and-swap, and how state is folded over them. */

export { canonicalize, parseCanonical } from './core/canonical.ts';
export { type Clock, manualClock, systemClock } from './core/clock.ts';
export type { ErrorCode } from './core/error_codes.ts';
export { type ErrorCategory, GaitError } from './core/errors.ts';
export type { Json, JsonObject } from './core/json.ts';
export { isTimestamp, type Timestamp, timestamp } from './core/time.ts';
export { VERSION } from './core/version.ts';
export { type Folded, replay, type StreamModel } from './log/fold.ts';
export {
  type Batch,
  type Expected,
  type Head,
  type IdField,
  LogDamage,
  type Position,
  type StoredEvent,
  seal,
} from './log/record.ts';
export type {
  AppendOutcome,
  EventStore,
  ReadOptions,
  Shortcuts,
  Snapshot,
  StreamStamp,
} from './log/store.ts';
export { FileStore, type FileStoreOptions } from './log/stores/file_store.ts';
export { MemoryStore } from './log/stores/memory_store.ts';
export { openStore } from './log/stores/open_store.ts';
export { type Decided, type Executed, StreamHandle } from './log/stream.ts';
