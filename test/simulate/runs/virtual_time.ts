interface Entry {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

/** The one true time of a simulation. It stands still until the next thing is due. Milliseconds. */
export class VirtualTime {
  now: number = 0;
  #order = 0;
  readonly #due = new Set<Entry>();

  /** Answers what undoes it. */
  at(ms: number, act: () => void): () => void {
    const entry = { at: Math.max(this.now, ms), order: this.#order, act };
    this.#order += 1;
    this.#due.add(entry);
    return () => void this.#due.delete(entry);
  }

  /** Goes to when the next thing is due, and does it. False if nothing is. */
  turn(): boolean {
    let next: Entry | undefined;
    for (const entry of this.#due) {
      if (next === undefined || entry.at < next.at || (entry.at === next.at && entry.order < next.order))
        next = entry;
    }
    if (next === undefined) return false;
    this.#due.delete(next);
    this.now = next.at;
    next.act();
    return true;
  }
}
