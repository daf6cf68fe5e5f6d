import { type Answered, byProcess, type Call, type Doubtful, type HeadText, isDoubtful } from './history.ts';

export type Verdict = {
  /** How many configurations were looked at. */
  readonly explored: number;
} & (
  | {
      readonly linearizable: true;
      /** An order that explains all that was answered. Doubtful appends that took no effect are not in it. */
      readonly order: readonly Call[];
    }
  | {
      readonly linearizable: false;
      /** As far as an order can go. */
      readonly order: readonly Call[];
      /** The calls one of which would have to come next; none can. */
      readonly stuck: readonly Call[];
    }
);

/** What is done when a call is put next. */
interface Move {
  readonly call: Call;
  /** The lane of an answered call; undefined for a doubtful one. */
  readonly lane?: number;
  readonly from: HeadText;
}

/**
 * Whether a history of one stream is linearizable: there is an order of its calls, in which each stands between its
 * invocation and its return, and that a single stream with compare-and-swap appends would have answered the same. The
 * search is that of Wing and Gong, with the configurations that led nowhere remembered.
 */
export function checkHistory(calls: readonly Call[]): Verdict {
  return new Search(calls).run();
}

class Search {
  readonly #lanes: readonly (readonly Answered[])[];
  readonly #doubtful: readonly Doubtful[];
  /** How many calls of each lane are in the order. */
  readonly #taken: number[];
  readonly #happened = new Set<Call>();
  #head: HeadText = 'none';
  readonly #order: Move[] = [];
  readonly #seen = new Set<string>();
  #longest: readonly Call[] = [];
  #stuck: readonly Call[] = [];

  constructor(calls: readonly Call[]) {
    this.#lanes = byProcess(calls);
    this.#doubtful = calls.filter(isDoubtful);
    this.#taken = this.#lanes.map(() => 0);
  }

  run(): Verdict {
    const choices: Move[][] = [this.#moves()];
    for (;;) {
      if (this.#lanes.every((lane, i) => this.#taken[i] === lane.length)) {
        return { linearizable: true, order: this.#calls(), explored: this.#seen.size };
      }
      const move = choices.at(-1)?.pop();
      if (move !== undefined) {
        this.#make(move);
        choices.push(this.#isNew() ? this.#moves() : []);
        continue;
      }
      choices.pop();
      const last = this.#order.pop();
      if (last === undefined) break;
      this.#undo(last);
    }
    const [order, stuck] = [this.#longest, this.#stuck];
    return { linearizable: false, order, stuck, explored: this.#seen.size };
  }

  /** What can come next: what was invoked before anything that is still to come returned, and fits the head. */
  #moves(): Move[] {
    const next = this.#lanes.map((lane, i) => lane[this.#taken[i] ?? 0]);
    let first: bigint | undefined;
    for (const call of next) {
      if (call !== undefined && (first === undefined || call.result.returned < first))
        first = call.result.returned;
    }
    const inTime = (call: Call): boolean => first === undefined || call.invoked <= first;
    const from = this.#head;
    const moves: Move[] = [];
    for (const call of this.#doubtful) {
      if (call.expected === from && inTime(call) && !this.#happened.has(call)) moves.push({ call, from });
    }
    for (const [lane, call] of next.entries()) {
      if (call === undefined || !inTime(call) || !fits(call, from)) continue;
      // One that changes nothing and fits may as well come now as later.
      if (call.result.status !== 'committed') return [{ call, lane, from }];
      moves.push({ call, lane, from });
    }
    if (moves.length === 0 && this.#order.length >= this.#longest.length) {
      this.#longest = this.#calls();
      this.#stuck = next.filter((call) => call !== undefined && inTime(call)) as Call[];
    }
    return moves;
  }

  #make(move: Move): void {
    const { call, lane } = move;
    this.#order.push(move);
    if (lane === undefined) this.#happened.add(call);
    else this.#taken[lane] = (this.#taken[lane] ?? 0) + 1;
    if (call.kind === 'append' && call.result.status !== 'conflict') this.#head = call.next;
  }

  #undo({ call, lane, from }: Move): void {
    if (lane === undefined) this.#happened.delete(call);
    else this.#taken[lane] = (this.#taken[lane] ?? 0) - 1;
    this.#head = from;
  }

  /** False for a configuration that was come to before, by another order of the same calls. */
  #isNew(): boolean {
    const happened = this.#doubtful.flatMap((call, i) => (this.#happened.has(call) ? [i] : []));
    const key = `${this.#taken.join()} ${happened.join()} ${this.#head}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }

  #calls(): readonly Call[] {
    return this.#order.map(({ call }) => call);
  }
}

/** Whether a stream with this head gives this answer. */
function fits(call: Answered, head: HeadText): boolean {
  if (call.kind === 'read') return call.result.head === head;
  if (call.result.status === 'conflict') return call.expected !== head && call.result.head === head;
  return call.expected === head && call.result.head === call.next;
}
