import { createHash } from 'node:crypto';
import type { JobEvent } from '../../../src/job/events.ts';

/** A line of a log as its bytes have it, whatever gait makes of them. */
export interface RawRecord {
  readonly event: JobEvent;
  readonly hash: string;
}

export interface RawLine {
  /** Where it ends, its newline included. */
  readonly end: number;
  /** Undefined where the line is no record. */
  readonly record: RawRecord | undefined;
  /** Its hash follows from the one that the line before states. */
  readonly chained: boolean;
}

const EVENT = '{"event":';
const TRAILER = /,"hash":"([0-9a-f]{64})"\}$/;
export const NO_HASH: string = '0'.repeat(64);

/** The lines of a log from an offset on, by docs/contracts/event_log.md alone. */
export function linesOf(bytes: Buffer, offset = 0, hash: string | undefined = NO_HASH): RawLine[] {
  const lines: RawLine[] = [];
  let before: string | undefined = hash;
  for (let start = offset; ; ) {
    const newline = bytes.indexOf(10, start);
    if (newline === -1) return lines;
    const text = bytes.toString('utf8', start, newline);
    const record = recordIn(text);
    const chained =
      record !== undefined &&
      before !== undefined &&
      chainedHash(before, text.slice(EVENT.length, text.length - TRAILER_LENGTH)) === record.hash;
    lines.push({ end: newline + 1, record, chained });
    before = record?.hash;
    start = newline + 1;
  }
}

const TRAILER_LENGTH = `,"hash":"${NO_HASH}"}`.length;

function recordIn(text: string): RawRecord | undefined {
  const [, hash] = TRAILER.exec(text) ?? [];
  if (hash === undefined || !text.startsWith(EVENT)) return undefined;
  try {
    const { event } = JSON.parse(text) as { event: JobEvent };
    return typeof event === 'object' ? { event, hash } : undefined;
  } catch {
    return undefined;
  }
}

function chainedHash(before: string, event: string): string {
  return createHash('sha256').update(Buffer.from(before, 'hex')).update(event).digest('hex');
}
