import type { Expected } from '../../src/log/record.ts';
import type { Call, HeadText } from './history.ts';

/** A line that a process prints before a call. `at` is in nanoseconds of a clock that all processes share. */
export type Invoked =
  | { readonly kind: 'read'; readonly at: string }
  | {
      readonly kind: 'append';
      readonly expected: HeadText;
      readonly next: HeadText;
      readonly writer: string;
      readonly sequence: number;
      readonly at: string;
    };

/** The line after it. */
export interface Returned {
  readonly status: 'committed' | 'conflict' | 'read';
  readonly head: HeadText;
  readonly at: string;
}

/** An event that its writer was told is on disk. */
export interface Acknowledged {
  readonly writer: string;
  readonly sequence: number;
  readonly revision: number;
}

export function headText(head: Expected): HeadText {
  return head === 'none' ? 'none' : `${head.revision}:${head.hash}`;
}

/** The calls that the whole lines of a process tell of. An append without its second line has an unknown outcome. */
export function callsIn(process: string, lines: readonly string[]): Call[] {
  return pairsIn(lines).flatMap(([invoked, returned]): Call[] => {
    const common = { process, invoked: BigInt(invoked.at) };
    const told = returned === undefined ? undefined : { head: returned.head, returned: BigInt(returned.at) };
    if (invoked.kind === 'read') {
      // What a read that never ended would have seen says nothing.
      return told === undefined ? [] : [{ ...common, kind: 'read', result: { status: 'read', ...told } }];
    }
    const { expected, next } = invoked;
    const status = returned?.status === 'committed' ? 'committed' : 'conflict';
    const result = told === undefined ? ({ status: 'unknown' } as const) : { status, ...told };
    return [{ ...common, kind: 'append', expected, next, result } as Call];
  });
}

export function acknowledgedIn(lines: readonly string[]): Acknowledged[] {
  return pairsIn(lines).flatMap(([invoked, returned]) => {
    if (invoked.kind !== 'append' || returned?.status !== 'committed') return [];
    const { writer, sequence } = invoked;
    return [{ writer, sequence, revision: Number(returned.head.split(':')[0]) }];
  });
}

function pairsIn(lines: readonly string[]): [Invoked, Returned | undefined][] {
  const pairs: [Invoked, Returned | undefined][] = [];
  for (let i = 0; i < lines.length; i += 2) {
    const [invoked = '', returned] = [lines[i], lines[i + 1]];
    pairs.push([JSON.parse(invoked), returned === undefined ? undefined : JSON.parse(returned)]);
  }
  return pairs;
}
