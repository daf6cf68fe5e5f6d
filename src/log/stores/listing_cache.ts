import { sha256Hex } from '../../core/digest.ts';
import type { Json } from '../../core/json.ts';
import type { StreamStamp } from '../store.ts';

const DIGEST_CHARS = 64;

/**
 * What was shown of streams, each under the stamp that its log had: lines of `[stream, ...stamp, row]`,
 * sorted by stream, kept as one text since there may be very many. Pure.
 *
 * As a file: the SHA-256 of what follows, a newline, the version as JSON, a newline, the lines. The version names the
 * form of the rows and who made them: those of another are not used.
 */
export class ListingCache {
  /** The lines, one after the other. */
  readonly lines: string;
  readonly #version: string;

  constructor(version: string, lines: string = '') {
    this.#version = version;
    this.lines = lines;
  }

  /** What {@link toFile} made. Nothing is in it if these bytes are not that, to the last bit, or of another version. */
  static fromFile(version: string, file: Buffer): ListingCache {
    const head = headOf(version);
    const bytes = file.subarray(DIGEST_CHARS + 1);
    if (file.toString('latin1', 0, DIGEST_CHARS + 1) !== `${sha256Hex(bytes)}\n`)
      return new ListingCache(version);
    const body = bytes.toString();
    return new ListingCache(version, body.startsWith(head) ? body.slice(head.length) : '');
  }

  /** True if these bytes are a cache of any version, to the last bit, that has a row for the stream. */
  static mentions(file: Buffer, stream: string): boolean {
    if (!file.includes(`\n${lineStart(stream)}`)) return false;
    const bytes = file.subarray(DIGEST_CHARS + 1);
    return file.toString('latin1', 0, DIGEST_CHARS + 1) === `${sha256Hex(bytes)}\n`;
  }

  toFile(): Buffer {
    const body = Buffer.from(headOf(this.#version) + this.lines);
    return Buffer.concat([Buffer.from(`${sha256Hex(body)}\n`), body]);
  }
}

function headOf(version: string): string {
  return `${JSON.stringify(version)}\n`;
}

/** Finds the lines of streams that are asked for in order. */
export class ListingReader {
  readonly #lines: string;
  #next = 0;
  #line = '';
  #entry: readonly Json[] | undefined;

  constructor(cache: ListingCache) {
    this.#lines = cache.lines;
    this.#step();
  }

  /** The row of a stream and its line, if it was made under this very stamp. */
  find(
    stream: string,
    stamp: StreamStamp | undefined,
  ): { readonly saved: Json; readonly line: string } | undefined {
    while (this.#entry !== undefined && String(this.#entry[0]) < stream) this.#step();
    if (this.#entry === undefined || stamp === undefined) return undefined;
    const [name, ...rest] = this.#entry;
    const saved = rest.at(-1);
    if (name !== stream || saved === undefined || rest.length !== stamp.length + 1) return undefined;
    return stamp.every((part, at) => part === rest[at]) ? { saved, line: this.#line } : undefined;
  }

  /** The line of the stream that was looked for last, under whatever stamp. */
  lineOf(stream: string): string | undefined {
    return this.#entry?.[0] === stream ? this.#line : undefined;
  }

  #step(): void {
    const end = this.#lines.indexOf('\n', this.#next) + 1;
    this.#line = this.#lines.slice(this.#next, end);
    this.#next = end;
    this.#entry = end === 0 ? undefined : entryOf(this.#line);
  }
}

export function listingLine(stream: string, stamp: StreamStamp, saved: Json): string {
  return `${JSON.stringify([stream, ...stamp, saved])}\n`;
}

function lineStart(stream: string): string {
  return `[${JSON.stringify(stream)},`;
}

function entryOf(line: string): readonly Json[] | undefined {
  try {
    const value = JSON.parse(line) as Json;
    return Array.isArray(value) ? (value as readonly Json[]) : undefined;
  } catch {
    return undefined;
  }
}
