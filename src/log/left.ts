import { isUtf8 } from 'node:buffer';
import { createHash, type Hash } from 'node:crypto';
import { DIGEST_PATTERN } from '../core/digest.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import {
  chainHash,
  type IdField,
  LINE_PREFIX,
  LINE_TRAILER_BYTES,
  MAX_LINE_BYTES,
  splitLine,
} from './record.ts';

/** What stands in a log behind a position. */
export interface Remainder {
  readonly bytes: number;
  /** Lines that end in a newline. */
  readonly lines: number;
  readonly sha256: string;
  /** How many of the lines are records of the stream whose hash follows from the one that the line before them states. */
  readonly chained: number;
}

/** A line behind damage that has the form of a record of the stream. What it says is not proven. */
export interface LeftRecord {
  readonly event: JsonObject;
  readonly hash: string;
  /** Its hash follows from the hash that the line before it states. */
  readonly chained: boolean;
}

export interface LeftOf {
  readonly stream: string;
  readonly idField: IdField;
  /** The hash of the last record before. */
  readonly hash: string;
}

const NEWLINE = 10;

/** Reads what stands behind damage, in pieces, and keeps no more of it than one line. Pure. */
export class LeftReader {
  readonly #of: LeftOf;
  readonly #visit: (left: LeftRecord) => void;
  readonly #sha256: Hash = createHash('sha256');
  /** What the line before states; undefined if it states nothing. */
  #before: string | undefined;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #bytes = 0;
  #lines = 0;
  #chained = 0;

  constructor(of: LeftOf, visit: (left: LeftRecord) => void = () => {}) {
    this.#of = of;
    this.#before = of.hash;
    this.#visit = visit;
  }

  push(piece: Buffer): void {
    this.#sha256.update(piece);
    this.#bytes += piece.length;
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      this.#hold(piece.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#hold(Buffer.from(piece.subarray(start))); // a piece is valid until the next
  }

  /** What was read. Ends the reading. */
  end(): Remainder {
    const counts = { bytes: this.#bytes, lines: this.#lines, chained: this.#chained };
    return { ...counts, sha256: this.#sha256.digest('hex') };
  }

  /** A line that is too long for a record is counted, and not kept. */
  #hold(part: Buffer): void {
    this.#restBytes += part.length;
    if (this.#restBytes >= MAX_LINE_BYTES) this.#rest = [];
    else this.#rest.push(part);
  }

  #endLine(): void {
    const line = this.#restBytes >= MAX_LINE_BYTES ? undefined : Buffer.concat(this.#rest);
    this.#rest = [];
    this.#restBytes = 0;
    this.#lines += 1;
    this.#before = line === undefined ? undefined : this.#take(line);
  }

  /** Answers the hash that the line states. */
  #take(line: Buffer): string | undefined {
    const parts = splitLine(line.toString());
    if (parts === undefined || !DIGEST_PATTERN.test(parts.hash)) return undefined;
    const { text, hash } = parts;
    const event = this.#eventOf(line, text);
    if (event === undefined) return hash;
    const chained = this.#before !== undefined && follows(this.#before, line, hash);
    if (chained) this.#chained += 1;
    this.#visit({ event, hash, chained });
    return hash;
  }

  #eventOf(line: Buffer, text: string): JsonObject | undefined {
    const { stream, idField } = this.#of;
    if (!isUtf8(line)) return undefined;
    try {
      const event: unknown = JSON.parse(text);
      if (!isJsonObject(event) || event[idField] !== stream) return undefined;
      const { revision } = event;
      return Number.isSafeInteger(revision) && Number(revision) > 0 ? (event as JsonObject) : undefined;
    } catch {
      return undefined;
    }
  }
}

function follows(before: string, line: Buffer, hash: string): boolean {
  return chainHash(before, line, LINE_PREFIX.length, line.length - LINE_TRAILER_BYTES) === hash;
}
