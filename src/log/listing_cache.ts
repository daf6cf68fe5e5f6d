import { sha256Hex } from '../core/digest.ts';
import type { Json } from '../core/json.ts';
import type { FileStamp } from './fs/port.ts';

const NEWLINE = 10;
const DIGEST_CHARS = 64;
const EMPTY = Buffer.alloc(0);

/**
 * What was shown of streams, each under the stamp that its log had: lines of `[stream, size, inode, changedMs, row]`,
 * sorted by stream, kept as bytes since there may be very many. Pure.
 *
 * As a file: the SHA-256 of what follows, a newline, the version as JSON, a newline, the lines. The version names the
 * form of the rows and who made them: those of another are not used.
 */
export class ListingCache {
  /** The lines, one after the other. */
  readonly lines: Buffer;
  readonly #version: string;

  constructor(version: string, lines: Buffer = EMPTY) {
    this.#version = version;
    this.lines = lines;
  }

  /** What {@link toFile} made. Nothing is in it if these bytes are not that, to the last bit, or of another version. */
  static fromFile(version: string, file: Buffer): ListingCache {
    const head = headOf(version);
    const body = file.subarray(DIGEST_CHARS + 1);
    const sound =
      file.toString('latin1', 0, DIGEST_CHARS + 1) === `${sha256Hex(body)}\n` &&
      head.equals(body.subarray(0, head.length));
    return new ListingCache(version, sound ? body.subarray(head.length) : EMPTY);
  }

  toFile(): Buffer {
    const body = Buffer.concat([headOf(this.#version), this.lines]);
    return Buffer.concat([Buffer.from(`${sha256Hex(body)}\n`), body]);
  }
}

function headOf(version: string): Buffer {
  return Buffer.from(`${JSON.stringify(version)}\n`);
}

/** Finds the lines of streams that are asked for in order. */
export class ListingReader {
  readonly #lines: Buffer;
  #next = 0;
  #line: Buffer = EMPTY;
  #entry: readonly Json[] | undefined;

  constructor(cache: ListingCache) {
    this.#lines = cache.lines;
    this.#step();
  }

  /** The row of a stream and its line, if it was made under this very stamp. */
  find(stream: string, stamp: FileStamp): { readonly saved: Json; readonly line: Buffer } | undefined {
    while (this.#entry !== undefined && String(this.#entry[0]) < stream) this.#step();
    if (this.#entry === undefined) return undefined;
    const [name, size, inode, changedMs, saved] = this.#entry;
    if (name !== stream || saved === undefined) return undefined;
    const same = size === stamp.size && inode === stamp.inode && changedMs === stamp.changedMs;
    return same ? { saved, line: this.#line } : undefined;
  }

  #step(): void {
    const end = this.#lines.indexOf(NEWLINE, this.#next) + 1;
    this.#line = this.#lines.subarray(this.#next, Math.max(end, this.#next));
    this.#next = end;
    this.#entry = end === 0 ? undefined : entryOf(this.#line);
  }
}

export function listingLine(stream: string, { size, inode, changedMs }: FileStamp, saved: Json): Buffer {
  return Buffer.from(`${JSON.stringify([stream, size, inode, changedMs, saved])}\n`);
}

function entryOf(line: Buffer): readonly Json[] | undefined {
  try {
    const value = JSON.parse(line.toString()) as Json;
    return Array.isArray(value) ? (value as readonly Json[]) : undefined;
  } catch {
    return undefined;
  }
}
