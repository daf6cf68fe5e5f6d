import { GaitError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import validateApprovalAudit from '../../schema/generated/gate_approval_audit_record.js';
import validateCredential from '../../schema/generated/gate_broker_credential_record.js';
import validateDelegationAudit from '../../schema/generated/gate_delegation_audit_record.js';
import validateTrace from '../../schema/generated/gate_trace.js';
import { schemaFault, type Validate } from '../../schema/validator.ts';
import type { RecordKind } from './records.ts';

const VALIDATORS: Readonly<Record<RecordKind, Validate>> = {
  trace: validateTrace,
  approval_audit: validateApprovalAudit,
  delegation_audit: validateDelegationAudit,
  credential: validateCredential,
};

/** A record that does not conform to its own schema is not written. Throws `record_unsound`, a bug of gait. */
export function assertSound(kind: RecordKind, document: JsonObject): void {
  const fault = schemaFault(VALIDATORS[kind], document);
  if (fault === undefined) return;
  throw new GaitError({
    code: 'record_unsound',
    category: 'internal_failure',
    message: `refused to write a ${kind} that does not conform to its schema: ${fault}`,
    hint: 'This is a bug of gait. The call must not run.',
  });
}
