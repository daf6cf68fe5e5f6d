import { canonicalBytes } from '../../../core/canonical.ts';
import { type GaitError, invalidInput } from '../../../core/errors.ts';
import { MAX_DOCUMENT_BYTES } from '../../../core/limits.ts';
import { type JobHistory, runtimeState } from '../../../job/read/history.ts';
import type { JobState } from '../../../job/state.ts';
import type { StoredEvent } from '../../../log/record.ts';
import { LOG_START } from '../../../log/scan.ts';
import type { SigningKey } from '../../../signing/keys.ts';
import { memberOf, type Pack, sealPack } from '../../build.ts';
import { PACK_SCHEMA_VERSION } from '../../manifest.ts';
import { merkleRoot } from '../../merkle.ts';
import {
  EVENTS_MEMBER,
  type JobLedger,
  type JobPayload,
  LEDGER_MEMBER,
  PAYLOAD_MEMBER,
  STATE_MEMBER,
} from './members.ts';

/**
 * The pack of a job as its history has it. Pure: the same history, version and key give the same bytes. Signing does
 * not change the pack's id.
 */
export function buildJobPack(history: JobHistory, producerVersion: string, key?: SigningKey): Pack {
  const { job, records } = history;
  const texts = records.map(({ text }) => text);
  const state = canonicalBytes(runtimeState(job, history));
  if (state.length > MAX_DOCUMENT_BYTES) throw tooLarge(state.length);
  const members = [
    memberOf(EVENTS_MEMBER, Buffer.from(texts.map((text) => `${text}\n`).join(''))),
    memberOf(LEDGER_MEMBER, canonicalBytes(ledgerOf(history))),
    memberOf(PAYLOAD_MEMBER, canonicalBytes(payloadOf(job))),
    memberOf(STATE_MEMBER, state),
  ];
  return sealPack({ packType: 'job', sourceRef: job.job_id, producerVersion, members }, key);
}

function tooLarge(bytes: number): GaitError {
  const message = `the state of the job has ${bytes} bytes; a pack carries at most ${MAX_DOCUMENT_BYTES}`;
  return invalidInput(
    'member_too_large',
    message,
    'Nobody could verify such a pack. Split the work into jobs.',
  );
}

export function payloadOf(job: JobState): JobPayload {
  return {
    schema_id: 'gait.pack.job',
    schema_version: PACK_SCHEMA_VERSION,
    created_at: job.created_at,
    job_id: job.job_id,
    status: job.status,
    stop_reason: job.stop_reason,
    status_reason_code: job.status_reason_code,
    environment_fingerprint: job.environment_fingerprint,
    checkpoint_count: job.checkpoint_count,
    approval_count: job.approval_count,
  };
}

export function ledgerOf({ job, records }: JobHistory): JobLedger {
  return {
    schema_id: 'gait.pack.job_ledger',
    schema_version: PACK_SCHEMA_VERSION,
    job_id: job.job_id,
    ...chainFacts(records),
    environment: job.environment,
  };
}

/** What the ledger says of the chain: everything that needs no fold. */
export function chainFacts(
  records: readonly StoredEvent[],
): Pick<JobLedger, 'size' | 'head' | 'merkle_root'> {
  const { revision, hash } = records.at(-1) ?? LOG_START;
  const merkle_root = merkleRoot(records.map(({ text }) => Buffer.from(text)));
  return { size: records.length, head: { revision, hash }, merkle_root };
}
