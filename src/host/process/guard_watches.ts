/** What a guard is told, a line each: a group of processes, and when its time is over by the clock of {@link uptime}. */
const WATCH = /^(watch|beat) ([1-9]\d{0,9}) (\d{1,15}(?:\.\d+)?)$/;
const DONE = /^done ([1-9]\d{0,9})$/;

/**
 * Milliseconds of a monotonic clock that every process of the machine reads alike. So a guard and its worker
 * mean the same instant, however late the word of it comes.
 */
export function uptime(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The groups of processes that a guard watches, and what it answers. Groups 0 and 1 would be its own, and everybody's. */
export class Watches {
  readonly #ends = new Map<number, number>();
  readonly #killed = new Set<number>();

  /** The answer to a line, if it has one. What cannot be read is not answered, and so nothing starts by it. */
  hear(line: string, now: number): string | undefined {
    const [, word, name, end] = WATCH.exec(line) ?? [];
    const group = Number(name);
    if (word !== undefined && group > 1) return this.#until(word === 'watch', group, Number(end), now);
    const done = Number(DONE.exec(line)?.[1]);
    if (!(done > 1)) return undefined;
    this.#ends.delete(done);
    return `over ${done} ${this.#killed.delete(done) ? 'killed' : 'left'}`;
  }

  #until(fresh: boolean, group: number, end: number, now: number): string | undefined {
    if (fresh) this.#killed.delete(group);
    // A beat brings nothing back: neither what was killed, nor what is done.
    else if (!this.#ends.has(group)) return undefined;
    this.#ends.set(group, end);
    return fresh && end > now ? `watching ${group}` : undefined;
  }

  /** The groups whose time is over: they are to be killed, and are watched no more. */
  due(now: number): number[] {
    return this.#take((end) => end <= now);
  }

  /** All of them: nobody can say any more that one may live. */
  all(): number[] {
    return this.#take(() => true);
  }

  /** When the first one's time is over. */
  next(): number {
    return Math.min(...this.#ends.values());
  }

  #take(which: (end: number) => boolean): number[] {
    const taken = [...this.#ends].filter(([, end]) => which(end)).map(([group]) => group);
    for (const group of taken) {
      this.#ends.delete(group);
      this.#killed.add(group);
    }
    return taken;
  }
}
