import type { ErrorCode } from './error_codes.ts';
import type { JsonObject } from './json.ts';

/** What went wrong, as a class a script can act on. Each category has one exit code (docs/contracts/errors.md). */
export type ErrorCategory =
  | 'io_failure'
  | 'state_contention'
  | 'internal_failure'
  | 'verification_failed'
  | 'policy_blocked'
  | 'approval_required'
  | 'regress_failed'
  | 'invalid_input'
  | 'dependency_missing'
  | 'unsafe_operation';

export interface ErrorFacts {
  /** A stable name such as `job_not_found`. Codes do not change; messages may. */
  readonly code: ErrorCode;
  readonly category: ErrorCategory;
  readonly message: string;
  /** What the reader can do next. */
  readonly hint?: string;
  /** True when the same call may succeed later, unchanged. */
  readonly retryable?: boolean;
  /** Facts for machines: plain JSON. */
  readonly details?: JsonObject;
  readonly cause?: unknown;
}

/** The one error type of gait, carried unchanged from where it arises to the exit of the process. */
export class GaitError extends Error {
  readonly code: ErrorCode;
  readonly category: ErrorCategory;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly details: JsonObject;

  constructor(facts: ErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'GaitError';
    this.code = facts.code;
    this.category = facts.category;
    this.hint = facts.hint;
    this.retryable = facts.retryable ?? false;
    this.details = facts.details ?? {};
  }
}

/** The caller's mistake: exit 6. */
export function invalidInput(
  code: ErrorCode,
  message: string,
  hint?: string,
  details?: JsonObject,
): GaitError {
  return new GaitError({
    code,
    category: 'invalid_input',
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
  });
}

/** The `code` of a Node system error (`ENOENT`, `ENOSPC` …), or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}

/** The path itself is wrong, whatever the disk is like. */
const UNUSABLE_PATH = new Set(['ENOTDIR', 'EISDIR', 'EFTYPE', 'ENXIO', 'ENAMETOOLONG', 'ELOOP']);

/**
 * A failed call to the operating system, with a code that says what kind: `disk_full`, `access_denied` or `io_error`
 * (exit 1), `path_unusable` (exit 6).
 */
export function ioFailure(error: unknown, doing: string): GaitError {
  if (error instanceof GaitError) return error;
  const errno = errnoOf(error);
  const reason = error instanceof Error ? error.message : String(error);
  const details = { errno: errno ?? null };
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    const hint = 'Free some space, then run the same command again. Nothing was half-written.';
    return new GaitError({
      code: 'disk_full',
      category: 'io_failure',
      message: `no space left ${doing}`,
      hint,
      details,
      retryable: true,
      cause: error,
    });
  }
  if (errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS') {
    const hint = 'Check who owns it and what its mode allows.';
    return new GaitError({
      code: 'access_denied',
      category: 'io_failure',
      message: `access denied ${doing}: ${reason}`,
      hint,
      details,
      cause: error,
    });
  }
  if (errno !== undefined && UNUSABLE_PATH.has(errno)) {
    const hint = 'Name another file or directory.';
    return invalidInput('path_unusable', `unusable path ${doing}: ${reason}`, hint, details);
  }
  return new GaitError({
    code: 'io_error',
    category: 'io_failure',
    message: `I/O error ${doing}: ${reason}`,
    details,
    cause: error,
  });
}
