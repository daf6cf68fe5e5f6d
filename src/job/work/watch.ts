import type { WatchedLease } from '../lease/decide.ts';

interface Seen {
  readonly token: number;
  readonly renewedRevision: number;
  /** When it was seen first, on the monotonic clock. */
  readonly at: number;
}

/** How long leases of others were seen unrenewed, by a monotonic clock. A renewed lease is another one. */
export class LeaseWatch {
  readonly #monotonic: () => number;
  #seen = new Map<string, Seen>();
  #next = new Map<string, Seen>();

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Answers for how long the lease on a job was seen as it is now. Milliseconds. */
  note(jobId: string, token: number, renewedRevision: number): number {
    const before = this.#seen.get(jobId);
    const same = before?.token === token && before.renewedRevision === renewedRevision;
    const seen = same ? before : { token, renewedRevision, at: this.#monotonic() };
    this.#next.set(jobId, seen);
    return this.#monotonic() - seen.at;
  }

  /** Lets go of the leases that were not noted since the last call: nobody has them any more. */
  turn(): void {
    this.#seen = this.#next;
    this.#next = new Map();
  }

  watched(jobId: string): WatchedLease | undefined {
    const seen = this.#seen.get(jobId);
    if (seen === undefined) return undefined;
    return { token: seen.token, renewedRevision: seen.renewedRevision, ms: this.#monotonic() - seen.at };
  }
}
