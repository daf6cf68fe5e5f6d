import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import type { Fd, FsPort } from '../files/port.ts';
import { LINE_TRAILER_BYTES, MAX_LINE_BYTES, type Position, splitLine } from './record.ts';

const anchor = Buffer.alloc(LINE_TRAILER_BYTES + 1);

/** True if a record that ends at `position.offset` carries `position.hash`; the chain then vouches for all before it. */
export function isAnchored(fs: FsPort, fd: Fd, position: Position, size: number): boolean {
  if (position.offset === 0) return position.revision === 0;
  const { length } = anchor;
  if (position.offset > size || position.offset < length) return false;
  if (fs.read(fd, anchor, position.offset - length) !== length) return false;
  return anchor.toString('latin1') === `,"hash":"${position.hash}"}\n`;
}

/** Looks for the end of the first record. Lists are long and records short, so it reads little at a time. */
export function hasLine(fs: FsPort, fd: Fd): boolean {
  const buffer = Buffer.alloc(4096);
  for (let at = 0, count = -1; count !== 0; at += count) {
    count = fs.read(fd, buffer, at);
    if (buffer.subarray(0, count).includes(10)) return true;
  }
  return false;
}

/** The revision of the event in the line that ends at `offset`; undefined when there is no such line. */
export function revisionEndingAt(fs: FsPort, fd: Fd, offset: number): unknown {
  const start = Math.max(0, offset - MAX_LINE_BYTES);
  const bytes = Buffer.alloc(offset - start);
  const count = fs.read(fd, bytes, start);
  return eventIn(bytes.toString('utf8', bytes.lastIndexOf(10, count - 2) + 1, count - 1))?.['revision'];
}

/** The event in the first line; undefined if there is none. */
export function firstEvent(fs: FsPort, fd: Fd): JsonObject | undefined {
  const bytes = Buffer.alloc(Math.min(fs.stat(fd).size, MAX_LINE_BYTES));
  const end = bytes.subarray(0, fs.read(fd, bytes, 0)).indexOf(10);
  return end === -1 ? undefined : eventIn(bytes.toString('utf8', 0, end));
}

function eventIn(line: string): JsonObject | undefined {
  const { text = 'null' } = splitLine(line) ?? {};
  try {
    const event = JSON.parse(text) as Json;
    return isJsonObject(event) ? event : undefined;
  } catch {
    return undefined;
  }
}
