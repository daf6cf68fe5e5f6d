import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { canonicalize } from '../core/canonical.ts';
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import {
  chainHash,
  GENESIS_HASH,
  HASH_PREFIX,
  type IdField,
  LINE_PREFIX,
  LINE_SUFFIX,
  LINE_TRAILER_BYTES,
  LogDamage,
  MAX_LINE_BYTES,
  type Position,
  placementFault,
  type StoredEvent,
  splitLine,
} from './record.ts';

const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);
/** What decoding puts where bytes are not UTF-8. */
const REPLACEMENT = '\ufffd';

export const LOG_START: Position = { revision: 0, hash: GENESIS_HASH, offset: 0 };

export interface ScanOptions {
  readonly stream: string;
  readonly idField: IdField;
  /** Also demand that every event is byte for byte canonical JSON. Reading checks the chain; evidence checks this too. */
  readonly strict?: boolean;
}

/**
 * Reads the bytes of a log in pieces, checks each record's place and chain, and stops at the first damage.
 * Pure: bytes in, records out. Bytes after the last newline are held back as the tail; see {@link LogScanner.tail}.
 */
export class LogScanner {
  readonly #options: ScanOptions;
  #position: Position;
  #rest: Buffer = EMPTY;

  constructor(options: ScanOptions, from: Position = LOG_START) {
    this.#options = options;
    this.#position = from;
  }

  /** The end of the last good record: what counts as history so far. */
  get position(): Position {
    return this.#position;
  }

  /** The records that this piece completes. Throws {@link LogDamage}; the records before it were returned or are lost to this call. */
  push(piece: Buffer): StoredEvent[] {
    const records: StoredEvent[] = [];
    const damage = this.collect(piece, records);
    if (damage !== undefined) throw damage;
    return records;
  }

  /** As {@link push}, but the damage is answered, and the good records before it stand in `records`. */
  collect(piece: Buffer, records: StoredEvent[]): LogDamage | undefined {
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      const record = this.#rest.length === 0 ? this.#read(piece, start, end) : this.#readJoined(piece, end);
      if (record instanceof LogDamage) return record;
      records.push(record);
      this.#position = record;
      start = end + 1;
    }
    // What is longer than any line can be is kept no further: it is a tail, or damage once its newline comes.
    const room = MAX_LINE_BYTES + 1 - this.#rest.length;
    this.#rest = this.#joinRest(piece.subarray(start, Math.min(piece.length, start + room)));
    return undefined;
  }

  /** A line that began in an earlier piece. */
  #readJoined(piece: Buffer, end: number): StoredEvent | LogDamage {
    const line = this.#joinRest(piece.subarray(0, end));
    this.#rest = EMPTY;
    return this.#read(line, 0, line.length);
  }

  #joinRest(more: Buffer): Buffer {
    return more.length === 0 ? this.#rest : Buffer.concat([this.#rest, more]);
  }

  /** The bytes after the last newline. They were never acknowledged and are no part of history (DESIGN §4.3). */
  get tail(): Buffer {
    return this.#rest;
  }

  /**
   * Damage hidden in the tail: a whole, chained record that goes on where its newline should be. An edit of the last
   * newline leaves it, and to cut that would lose an acknowledged event. (A power failure leaves it only if it tore the
   * write within that one byte; then a repair is asked for.)
   */
  tailDamage(): LogDamage | undefined {
    const tail = this.#rest;
    if (tail.length <= LINE_PREFIX.length + LINE_TRAILER_BYTES) return undefined;
    const running = createHash('sha256').update(this.#position.hash, 'hex');
    let hashed = LINE_PREFIX.length;
    for (let at = tail.indexOf(HASH_PREFIX); at !== -1; at = tail.indexOf(HASH_PREFIX, at + 1)) {
      const end = at + LINE_TRAILER_BYTES;
      if (end >= tail.length) return undefined;
      running.update(tail.subarray(hashed, at));
      hashed = Math.max(hashed, at);
      const hash = tail.toString('latin1', at + HASH_PREFIX.length, end - LINE_SUFFIX.length);
      if (running.copy().digest('hex') === hash && !(this.#read(tail, 0, end) instanceof LogDamage)) {
        return this.#damage('unterminated', 'a whole record without its newline');
      }
    }
    return undefined;
  }

  /** The record in the line that stands in `bytes` from `start` to `end`, its newline excluded. */
  #read(bytes: Buffer, start: number, end: number): StoredEvent | LogDamage {
    if (end - start >= MAX_LINE_BYTES) return this.#damage('line_too_long', `a line of ${end - start} bytes`);
    const line = bytes.toString('utf8', start, end);
    const parts = splitLine(line);
    if (parts === undefined) return this.#damage('not_a_record', 'the line is not a record');
    const { text } = parts;
    const hash = chainHash(this.#position.hash, bytes, start + LINE_PREFIX.length, end - LINE_TRAILER_BYTES);
    if (hash !== parts.hash)
      return this.#damage('hash_mismatch', 'the hash does not follow from the record before');
    if (line.includes(REPLACEMENT) && !isUtf8(bytes.subarray(start, end))) {
      return this.#damage('not_utf8', 'the event is not valid UTF-8');
    }
    const event = parseObject(text);
    if (event === undefined) return this.#damage('not_json', 'the event is not a JSON object');
    const { stream, idField, strict } = this.#options;
    if (strict === true && !isCanonical(event, text)) {
      return this.#damage('not_canonical', 'the event is not canonical JSON');
    }
    const revision = this.#position.revision + 1;
    const misplaced = placementFault(event, stream, idField, revision);
    if (misplaced !== undefined) return this.#damage('misplaced', misplaced);
    return { revision, hash, event, text, offset: this.#position.offset + end - start + 1 };
  }

  #damage(cause: ConstructorParameters<typeof LogDamage>[1], why: string): LogDamage {
    const { revision, offset } = this.#position;
    return new LogDamage({ stream: this.#options.stream, revision: revision + 1, offset }, cause, why);
  }
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isCanonical(value: Json, text: string): boolean {
  try {
    return canonicalize(value) === text;
  } catch {
    return false;
  }
}
