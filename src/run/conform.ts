import { invalidInput } from '../core/errors.ts';
import validateIntent from '../schema/generated/runpack_intent.js';
import validateRefs from '../schema/generated/runpack_refs.js';
import validateResult from '../schema/generated/runpack_result.js';
import validateRun from '../schema/generated/runpack_run.js';
import { schemaFault } from '../schema/validator.ts';
import type { CapturedRun } from './documents.ts';

/** What is recorded verifies: every document is to its schema. Throws `record_invalid`. */
export function assertConform({ run, intents, results, refs }: Omit<CapturedRun, 'captureMode'>): void {
  const faults = [
    ...[run].map((document) => ['run', schemaFault(validateRun, document)] as const),
    ...intents.map(
      (document) => [`intent ${document.intent_id}`, schemaFault(validateIntent, document)] as const,
    ),
    ...results.map(
      (document) => [`result of ${document.intent_id}`, schemaFault(validateResult, document)] as const,
    ),
    ...[refs].map((document) => ['refs', schemaFault(validateRefs, document)] as const),
  ];
  for (const [what, fault] of faults)
    if (fault !== undefined) throw invalidInput('record_invalid', `${what}: ${fault}`);
}
