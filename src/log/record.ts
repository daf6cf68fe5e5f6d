import { hash as hashOnce } from 'node:crypto';
import { canonicalize } from '../core/canonical.ts';
import { GaitError, invalidInput } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';

/** The end of a stream: how many events it has, and the chain hash of the last one. */
export interface Head {
  readonly revision: number;
  /** 64 lower-case hexadecimal digits. */
  readonly hash: string;
}

/** What is expected of a stream that must not exist yet. */
export type StreamStart = 'none';

export type Expected = Head | StreamStart;

/** A {@link Head} and where its record ends: in bytes of all lines up to there, in whatever a store keeps them. */
export interface Position extends Head {
  readonly offset: number;
}

/** One record as it is stored: the event, its canonical text exactly as in the line, and where the line ends. */
export interface StoredEvent extends Position {
  readonly event: JsonObject;
  readonly text: string;
}

/** Which member of an event names its stream: `job_id` in a job's log. */
export type IdField = string;

export const MAX_EVENT_BYTES: number = 1024 * 1024;
export const MAX_LINE_BYTES: number = 1_153_433;
export const MAX_BATCH_EVENTS = 1000;

const STREAM_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** hash_0 of the chain: 32 zero bytes. */
export const GENESIS_HASH: string = '0'.repeat(64);

export const LINE_PREFIX = '{"event":';
export const HASH_PREFIX = ',"hash":"';
export const LINE_SUFFIX = '"}';
/** `,"hash":"<64 hex>"}`: what follows the event in a line, without the newline. */
export const LINE_TRAILER_BYTES: number = HASH_PREFIX.length + 64 + LINE_SUFFIX.length;

/** Events sealed into records: encoded, chained to the head that they expect, ready to be written as they are. */
export interface Batch {
  readonly stream: string;
  readonly expected: Expected;
  readonly records: readonly SealedRecord[];
  /** The head of the stream once the batch is committed. */
  readonly head: Head;
}

export interface SealedRecord extends Head {
  readonly event: JsonObject;
  /** The canonical text of the event. */
  readonly text: string;
  /** The whole line, newline included. */
  readonly line: Buffer;
}

/** `[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`: such an id is also a safe file name. */
export function isStreamId(id: string): boolean {
  return STREAM_ID.test(id);
}

/** Throws `stream_id_invalid` (invalid_input) unless {@link isStreamId}. */
export function assertStreamId(id: string): void {
  if (isStreamId(id)) return;
  throw invalidInput(
    'stream_id_invalid',
    `not a usable id: ${JSON.stringify(id.length > 140 ? `${id.slice(0, 140)}…` : id)}`,
    'An id has 1 to 128 characters of A-Z a-z 0-9 . _ : - and starts with a letter or a digit.',
  );
}

/**
 * Chains events to the head that they expect. Each must carry the stream's id in `idField` and its own `revision`,
 * one more than the one before. Pure: the same events on the same head give the same bytes and hashes everywhere.
 */
export function seal(
  stream: string,
  idField: IdField,
  expected: Expected,
  events: readonly JsonObject[],
): Batch {
  assertStreamId(stream);
  if (events.length === 0 || events.length > MAX_BATCH_EVENTS) {
    throw invalidInput('batch_size', `a batch holds 1 to ${MAX_BATCH_EVENTS} events, not ${events.length}`);
  }
  let revision = expected === 'none' ? 0 : expected.revision;
  let previous = expected === 'none' ? GENESIS_HASH : expected.hash;
  const records: SealedRecord[] = [];
  for (const event of events) {
    revision += 1;
    const misplaced = placementFault(event, stream, idField, revision);
    if (misplaced !== undefined) throw invalidInput('event_misplaced', misplaced);
    const record = sealOne(event, revision, previous);
    previous = record.hash;
    records.push(record);
  }
  return { stream, expected, records, head: { revision, hash: previous } };
}

function sealOne(event: JsonObject, revision: number, previous: string): SealedRecord {
  const text = canonicalize(event);
  const room = hashInput(previous, text.length * MAX_UTF8_BYTES_PER_UNIT);
  const bytes = room.write(text, 32, 'utf8');
  if (bytes > MAX_EVENT_BYTES) {
    throw invalidInput(
      'event_too_large',
      `an event of ${bytes} bytes; the limit is ${MAX_EVENT_BYTES}`,
      'Store large content elsewhere and refer to it by its digest.',
    );
  }
  const hash = hashOnce('sha256', room.subarray(0, 32 + bytes), 'hex');
  const line = Buffer.from(`${LINE_PREFIX}${text}${HASH_PREFIX}${hash}${LINE_SUFFIX}\n`);
  return { revision, hash, event, text, line };
}

/**
 * sha256( previous as 32 raw bytes ‖ the event's canonical bytes ), in hexadecimal. The event stands in `bytes` from
 * `start` to `end`.
 */
export function chainHash(previous: string, bytes: Buffer, start: number, end: number): string {
  const room = hashInput(previous, end - start);
  bytes.copy(room, 32, start, end);
  return hashOnce('sha256', room.subarray(0, 32 + end - start), 'hex');
}

/** Room for the previous hash, filled in, and at least `length` bytes after it. One buffer serves all ordinary events. */
function hashInput(previous: string, length: number): Buffer {
  const room = length + 32 <= scratch.length ? scratch : Buffer.allocUnsafe(length + 32);
  room.write(previous, 0, 'hex');
  return room;
}

const scratch = Buffer.alloc(64 * 1024);

/** A UTF-16 code unit becomes three bytes of UTF-8 at the most. */
const MAX_UTF8_BYTES_PER_UNIT = 3;

/** Why an event is not at this place of this stream; undefined when it is. */
export function placementFault(
  event: JsonObject,
  stream: string,
  idField: IdField,
  revision: number,
): string | undefined {
  if (event[idField] !== stream) {
    return `the event belongs to ${idField} ${JSON.stringify(event[idField] ?? null)}, not to ${stream}`;
  }
  if (event['revision'] !== revision) {
    return `the event says revision ${JSON.stringify(event['revision'] ?? null)} where ${revision} is due`;
  }
  return undefined;
}

/**
 * Takes the text of a line (without its newline) apart; undefined when it has not the form of a record. Checks no hash.
 */
export function splitLine(line: string): { readonly text: string; readonly hash: string } | undefined {
  const eventEnd = line.length - LINE_TRAILER_BYTES;
  if (eventEnd <= LINE_PREFIX.length || !line.startsWith(LINE_PREFIX) || !line.endsWith(LINE_SUFFIX))
    return undefined;
  if (!line.startsWith(HASH_PREFIX, eventEnd)) return undefined;
  const hashStart = eventEnd + HASH_PREFIX.length;
  return { text: line.slice(LINE_PREFIX.length, eventEnd), hash: line.slice(hashStart, hashStart + 64) };
}

export function sameHead(a: Expected, b: Expected): boolean {
  if (a === 'none' || b === 'none') return a === b;
  return a.revision === b.revision && a.hash === b.hash;
}

/** What stored bytes can be wrong in. */
export type DamageCause =
  | 'not_utf8'
  | 'not_a_record'
  | 'line_too_long'
  | 'not_json'
  | 'not_canonical'
  | 'misplaced'
  | 'hash_mismatch'
  | 'illegal_event'
  | 'unterminated'
  | 'acknowledged_lost'
  | 'records_lost';

const DAMAGE_HINT =
  'Nothing was changed. `gait job verify` names the damage, `gait job repair` shows what it would cut.';
const LOST_HINT =
  'Nothing was changed. Put the newest log back, or let `gait job repair` record that the rest is gone. Where no record is left, move the folder away.';

/** Stored bytes that no writer of gait acknowledged: refuse to read past them, change nothing. */
export class LogDamage extends GaitError {
  readonly stream: string;
  /** The revision that the damaged record should have had. */
  readonly revision: number;
  /** Where the damaged line starts, in bytes from the start of the log. */
  readonly offset: number;
  readonly damage: DamageCause;

  constructor(where: { stream: string; revision: number; offset: number }, damage: DamageCause, why: string) {
    super({
      code: 'log_damaged',
      category: 'verification_failed',
      message: `the log of ${where.stream} is damaged at revision ${where.revision}, byte ${where.offset}: ${why}`,
      hint: damage === 'records_lost' ? LOST_HINT : DAMAGE_HINT,
      details: { ...where, cause: damage },
    });
    this.stream = where.stream;
    this.revision = where.revision;
    this.offset = where.offset;
    this.damage = damage;
  }
}
