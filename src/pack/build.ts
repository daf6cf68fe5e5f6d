import { crc32 } from 'node:zlib';
import { canonicalBytes } from '../core/canonical.ts';
import { sha256Hex } from '../core/digest.ts';
import { type GaitError, invalidInput } from '../core/errors.ts';
import { MAX_DOCUMENT_BYTES } from '../core/limits.ts';
import { digestSource } from '../files/digest_file.ts';
import { type ByteSource, sourceOf } from '../files/source.ts';
import { type JobHistory, runtimeState } from '../job/read/history.ts';
import type { JobState } from '../job/state.ts';
import type { StoredEvent } from '../log/record.ts';
import { LOG_START } from '../log/scan.ts';
import { contextEnvelopeOf } from '../run/context.ts';
import type { RunManifest } from '../run/documents.ts';
import type { RunFacts } from '../run/verify.ts';
import type { SigningKey } from '../signing/keys.ts';
import { signDigest } from '../signing/signature.ts';
import {
  EVENTS_MEMBER,
  type JobLedger,
  type JobPayload,
  LEDGER_MEMBER,
  PAYLOAD_MEMBER,
  STATE_MEMBER,
} from './kinds/job/members.ts';
import { checkContext, ENVELOPE_MEMBER, RUN_PAYLOAD_MEMBER, runPayloadOf } from './kinds/run/members.ts';
import {
  entryType,
  MANIFEST_MEMBER,
  PACK_CREATED_AT,
  PACK_MANIFEST_SCHEMA_ID,
  PACK_SCHEMA_VERSION,
  type PackManifest,
  packIdOf,
  signedPackDigestOf,
} from './manifest.ts';
import { merkleRoot } from './merkle.ts';

/** A member of a pack, with what its manifest and headers say of it. */
export interface PackMember {
  readonly name: string;
  readonly source: ByteSource;
  readonly sha256: string;
  readonly crc32: number;
}

export interface Pack {
  readonly manifest: PackManifest;
  /** Every member, the manifest included. */
  readonly members: readonly PackMember[];
}

/** A member whose bytes are at hand. */
export function memberOf(name: string, bytes: Buffer): PackMember {
  return { name, source: sourceOf(bytes), sha256: sha256Hex(bytes), crc32: crc32(bytes) };
}

/** A member that is read in pieces, now for its digests and again when it is written. */
export function streamedMember(name: string, source: ByteSource): PackMember {
  return { name, source, ...digestSource(source) };
}

/** What the builder of a run pack has verified. */
export interface RunSource {
  readonly manifest: RunManifest;
  readonly facts: RunFacts;
  /** The runpack itself, byte for byte. */
  readonly runpack: PackMember;
}

/** The pack of a verified runpack. Throws `context_digest_wrong`. Pure: signing does not change the pack's id. */
export function buildRunPack(source: RunSource, producerVersion: string, key?: SigningKey): Pack {
  const { manifest, facts, runpack } = source;
  checkContext(facts);
  const envelope = contextEnvelopeOf(facts.refs);
  const members = [
    ...(envelope === undefined ? [] : [memberOf(ENVELOPE_MEMBER, canonicalBytes(envelope))]),
    memberOf(RUN_PAYLOAD_MEMBER, canonicalBytes(runPayloadOf(manifest, facts))),
    runpack,
  ];
  return sealPack({ packType: 'run', sourceRef: manifest.run_id, producerVersion, members }, key);
}

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
    .map(({ name, sha256 }) => ({ path: name, sha256, type: entryType(name) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const unsealed = {
    schema_id: PACK_MANIFEST_SCHEMA_ID,
    schema_version: PACK_SCHEMA_VERSION,
    created_at: PACK_CREATED_AT,
    producer_version: parts.producerVersion,
    pack_type: parts.packType,
    source_ref: parts.sourceRef,
    contents,
  } as const;
  const unsigned: PackManifest = { ...unsealed, pack_id: packIdOf(unsealed) };
  const manifest =
    key === undefined
      ? unsigned
      : { ...unsigned, signatures: [signDigest(signedPackDigestOf(unsigned), key)] };
  return {
    manifest,
    members: [...parts.members, memberOf(MANIFEST_MEMBER, canonicalBytes(manifest))],
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
