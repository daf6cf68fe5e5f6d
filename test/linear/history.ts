/** The end of a stream, as text that no other end has: `none`, or `<revision>:<hash>`. */
export type HeadText = string;

/** One call of one process on a stream. Times are of one clock for all processes, in nanoseconds. */
export type Call = Append | Read;

interface Timed {
  readonly process: string;
  readonly invoked: bigint;
}

export interface Append extends Timed {
  readonly kind: 'append';
  readonly expected: HeadText;
  /** The head of the stream if it takes effect. */
  readonly next: HeadText;
  readonly result: Told | Unknown;
}

interface Told {
  readonly status: 'committed' | 'conflict';
  readonly returned: bigint;
  /** The head of the stream, as the answer names it. */
  readonly head: HeadText;
}

/** It takes effect at any time after its invocation, or never; nobody was told. */
interface Unknown {
  readonly status: 'unknown';
}

export interface Read extends Timed {
  readonly kind: 'read';
  readonly result: { readonly status: 'read'; readonly returned: bigint; readonly head: HeadText };
}

/** A call that returned. */
export type Answered = Read | (Append & { readonly result: Told });

/** An append that may have taken effect, or not. */
export type Doubtful = Append & { readonly result: Unknown };

export function isDoubtful(call: Call): call is Doubtful {
  return call.result.status === 'unknown';
}

/** The calls that returned, by process in their order. Throws if a process made two at once. */
export function byProcess(calls: readonly Call[]): readonly (readonly Answered[])[] {
  const lanes = new Map<string, Answered[]>();
  for (const call of calls) {
    if (isDoubtful(call)) continue;
    const lane = lanes.get(call.process) ?? [];
    lane.push(call as Answered);
    lanes.set(call.process, lane);
  }
  for (const [process, lane] of lanes) {
    lane.sort((a, b) => (a.invoked < b.invoked ? -1 : 1));
    for (const [i, { invoked }] of lane.entries()) {
      const before = lane[i - 1];
      if (before !== undefined && before.result.returned > invoked) {
        throw new Error(`${process} made two calls at once, at ${invoked}`);
      }
    }
  }
  return [...lanes.values()];
}
