import type { ErrorCategory } from '../core/errors.ts';

/** The exit code of each category of error. DESIGN of the command line: docs/contracts/errors.md. */
export const EXIT_CODES: Readonly<Record<ErrorCategory, number>> = {
  io_failure: 1,
  state_contention: 1,
  internal_failure: 1,
  verification_failed: 2,
  policy_blocked: 3,
  approval_required: 4,
  regress_failed: 5,
  invalid_input: 6,
  dependency_missing: 7,
  unsafe_operation: 8,
};
