import { type GaitError, invalidInput } from '../../core/errors.ts';
import { Fields } from '../../core/fields.ts';
import type { Json } from '../../core/json.ts';
import { inUtc, type Timestamp } from '../../core/time.ts';
import { VERSION } from '../../core/version.ts';
import validateRecord from '../../schema/generated/gate_broker_credential_record.js';
import { schemaFault } from '../../schema/validator.ts';
import type { Credential } from './credential.ts';
import type { CredentialRequest } from './request.ts';
import type { CredentialTimes } from './times.ts';

export const CREDENTIAL_RECORD_SCHEMA_ID = 'gait.gate.broker_credential_record';

const CONTRACT = 'docs/contracts/gate.md';

/** The evidence that a credential was issued for a call. schemas/v1/gate/broker_credential_record.schema.json */
export interface CredentialRecord extends CredentialTimes {
  readonly schema_id: typeof CREDENTIAL_RECORD_SCHEMA_ID;
  readonly schema_version: '1.0.0';
  readonly created_at: Timestamp;
  readonly producer_version: string;
  readonly trace_id: string;
  readonly tool_name: string;
  readonly identity: string;
  readonly broker: string;
  readonly reference?: string;
  readonly scope?: readonly string[];
  readonly credential_ref: string;
}

/** The record of a credential that counts. `created_at` is that of the intent. */
export function credentialRecord(
  { toolName, identity, reference, scope }: CredentialRequest,
  { broker, ref, source: _, issuer: __, access_type: ___, ...times }: Credential,
  { created_at, trace_id }: { readonly created_at: Timestamp; readonly trace_id: string },
): CredentialRecord {
  return {
    schema_id: CREDENTIAL_RECORD_SCHEMA_ID,
    schema_version: '1.0.0',
    created_at,
    producer_version: VERSION,
    trace_id,
    tool_name: toolName,
    identity,
    broker,
    ...(reference === '' ? {} : { reference }),
    ...(scope.length === 0 ? {} : { scope }),
    credential_ref: ref,
    ...times,
  };
}

/**
 * Reads a record, of gait or of the programs before it: times of year 1 are absent, members that came later are left out.
 * Throws `record_invalid` and `record_ambiguous` (invalid_input).
 */
export function readCredentialRecord(json: Json): CredentialRecord {
  const fields = new Fields(json, '', CONTRACT);
  const known = {
    ...{ schema_id: fields.need('schema_id'), schema_version: fields.need('schema_version') },
    ...{ created_at: fields.time('created_at'), producer_version: fields.need('producer_version') },
    ...{ trace_id: fields.need('trace_id'), tool_name: fields.need('tool_name') },
    ...{ identity: fields.need('identity'), broker: fields.need('broker') },
    ...{ reference: fields.text('reference'), scope: fields.list('scope') },
    credential_ref: fields.need('credential_ref'),
    ...{ issued_at: fields.stamp('issued_at'), expires_at: fields.stamp('expires_at') },
    ttl_seconds: fields.count('ttl_seconds'),
  };
  fields.ignored();
  const said = Object.entries(known).filter(([, value]) => value !== undefined);
  const record: Json = Object.fromEntries(said.map(([name, value]) => [name, utc(name, value)]));
  const fault = schemaFault(validateRecord, record);
  if (fault !== undefined) throw invalidRecord(fault);
  return record as unknown as CredentialRecord;
}

function utc(name: string, value: Json | undefined): Json {
  return typeof value === 'string' && name.endsWith('_at') ? inUtc(value) : (value ?? null);
}

function invalidRecord(fault: string): GaitError {
  return invalidInput('record_invalid', `no record of a credential: ${fault}`, `See ${CONTRACT}.`);
}
