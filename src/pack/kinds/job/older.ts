import { canonicalBytes } from '../../../core/canonical.ts';
import { GaitError } from '../../../core/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../../../core/json.ts';
import { parseJson } from '../../../core/json_text.ts';
import validateState from '../../../schema/generated/job_state.js';
import { schemaFault } from '../../../schema/validator.ts';
import type { SigningKey } from '../../../signing/keys.ts';
import { memberOf, type Pack, sealPack } from '../../build.ts';
import { PACK_SCHEMA_VERSION } from '../../manifest.ts';
import { UNCHAINED } from './event_lines.ts';
import { EVENTS_MEMBER, PAYLOAD_MEMBER, STATE_MEMBER } from './members.ts';

/** A job as the programs before this one kept it: a state, and beside it events that do not make it. */
export interface OlderJob {
  readonly state: JsonObject;
  readonly events: readonly JsonObject[];
}

/** Reads the two files of an older job. Throws `older_job_damaged` (verification_failed) for what is not one. */
export function readOlderJob(state: Buffer, events: Buffer): OlderJob {
  const lines = events.toString('latin1').split('\n');
  const torn = lines.pop() ?? '';
  if (torn !== '') throw damaged('its last event has no end');
  let start = 0;
  const parsed = lines.map((line, index) => {
    const bytes = events.subarray(start, start + line.length);
    start += line.length + 1;
    const event = parse(bytes, `event ${index + 1}`);
    if (isJsonObject(event)) return event;
    throw damaged(`event ${index + 1} is not an object`);
  });
  const value = parse(state, 'its state');
  const fault = schemaFault(validateState, value);
  if (fault !== undefined || !isJsonObject(value)) throw damaged(`its state: ${fault ?? 'not an object'}`);
  return { state: value, events: parsed };
}

/** The members of a state that its pack's payload repeats. */
const REPEATED: readonly string[] = [
  'created_at',
  'job_id',
  'status',
  'stop_reason',
  'status_reason_code',
  'environment_fingerprint',
  'safety_invariant_version',
  'safety_invariant_hash',
];

/** The pack of an older job, as the programs before this one would build it. Pure. */
export function buildOlderJobPack(
  { state, events }: OlderJob,
  producerVersion: string,
  key?: SigningKey,
): Pack {
  const repeated = REPEATED.flatMap((name) =>
    state[name] === undefined ? [] : [[name, state[name]] as const],
  );
  const payload = {
    schema_id: 'gait.pack.job',
    schema_version: PACK_SCHEMA_VERSION,
    ...Object.fromEntries(repeated),
    checkpoint_count: lengthOf(state['checkpoints']),
    approval_count: lengthOf(state['approvals']),
  };
  const lines = events.flatMap((event) => [canonicalBytes(event), Buffer.from('\n')]);
  const members = [
    memberOf(EVENTS_MEMBER, Buffer.concat(lines)),
    memberOf(PAYLOAD_MEMBER, canonicalBytes(payload)),
    memberOf(STATE_MEMBER, canonicalBytes(state)),
  ];
  return sealPack({ packType: 'job', sourceRef: String(state['job_id']), producerVersion, members }, key);
}

/** A pack of a producer that chains nothing says so: its own version, or the one that no release has. */
export function olderVersionOf({ state }: OlderJob): string {
  const said = state['producer_version'];
  return typeof said === 'string' && UNCHAINED.test(said) ? said : '0.0.0-dev';
}

function lengthOf(list: Json | undefined): number {
  return Array.isArray(list) ? list.length : 0;
}

function parse(bytes: Buffer, what: string): Json {
  try {
    return parseJson(bytes, what);
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    throw damaged(error.message);
  }
}

function damaged(why: string): GaitError {
  return new GaitError({
    code: 'older_job_damaged',
    category: 'verification_failed',
    message: `the job's files are damaged: ${why}`,
    hint: 'No pack is built from what cannot be read whole.',
  });
}
