import { canonicalBytes } from '../core/canonical.ts';
import { sha256Hex } from '../core/digest.ts';
import { type JobHistory, runtimeState } from '../job/history.ts';
import type { JobState } from '../job/state.ts';
import type { StoredEvent } from '../log/record.ts';
import { LOG_START } from '../log/scan.ts';
import type { SigningKey } from '../signing/keys.ts';
import { signDigest } from '../signing/signature.ts';
import {
  EVENTS_MEMBER,
  type JobLedger,
  type JobPayload,
  LEDGER_MEMBER,
  PAYLOAD_MEMBER,
  STATE_MEMBER,
} from './job_members.ts';
import {
  entryType,
  MANIFEST_MEMBER,
  MANIFEST_SCHEMA_ID,
  PACK_CREATED_AT,
  PACK_SCHEMA_VERSION,
  type PackManifest,
  packIdOf,
  signedDigestOf,
} from './manifest.ts';
import { merkleRoot } from './merkle.ts';

export interface PackMember {
  readonly name: string;
  readonly bytes: Buffer;
}

export interface Pack {
  readonly manifest: PackManifest;
  /** Every member, the manifest included. */
  readonly members: readonly PackMember[];
}

/**
 * The pack of a job as its history has it. Pure: the same history, version and key give the same bytes. Signing does
 * not change the pack's id.
 */
export function buildJobPack(history: JobHistory, producerVersion: string, key?: SigningKey): Pack {
  const { job, records } = history;
  const texts = records.map(({ text }) => text);
  const members = [
    { name: EVENTS_MEMBER, bytes: Buffer.from(texts.map((text) => `${text}\n`).join('')) },
    { name: LEDGER_MEMBER, bytes: canonicalBytes(ledgerOf(history)) },
    { name: PAYLOAD_MEMBER, bytes: canonicalBytes(payloadOf(job)) },
    { name: STATE_MEMBER, bytes: canonicalBytes(runtimeState(job, history)) },
  ];
  return sealPack({ packType: 'job', sourceRef: job.job_id, producerVersion, members }, key);
}

/** What a pack is made of. */
export interface PackParts {
  readonly packType: PackManifest['pack_type'];
  readonly sourceRef: string;
  readonly producerVersion: string;
  readonly members: readonly PackMember[];
}

/** Puts a manifest over members, signed if there is a key. */
export function sealPack(parts: PackParts, key?: SigningKey): Pack {
  const contents = parts.members
    .map(({ name, bytes }) => ({ path: name, sha256: sha256Hex(bytes), type: entryType(name) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const unsealed = {
    schema_id: MANIFEST_SCHEMA_ID,
    schema_version: PACK_SCHEMA_VERSION,
    created_at: PACK_CREATED_AT,
    producer_version: parts.producerVersion,
    pack_type: parts.packType,
    source_ref: parts.sourceRef,
    contents,
  } as const;
  const unsigned: PackManifest = { ...unsealed, pack_id: packIdOf(unsealed) };
  const manifest =
    key === undefined ? unsigned : { ...unsigned, signatures: [signDigest(signedDigestOf(unsigned), key)] };
  return {
    manifest,
    members: [...parts.members, { name: MANIFEST_MEMBER, bytes: canonicalBytes(manifest) }],
  };
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
