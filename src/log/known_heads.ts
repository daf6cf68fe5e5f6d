import type { Head } from './record.ts';

/** A head that a log once had, as somebody beside it remembers. */
export interface KnownHead extends Head {
  /** Who remembers, as a sentence names it. */
  readonly by: string;
}

/** What a log has lost, or has otherwise, of what is remembered. */
export interface HeadFinding {
  readonly code: 'head_missing' | 'head_differs';
  readonly message: string;
  readonly revision: number;
}

/** More than these would tell no more. */
const MAX_TOLD = 100;

/** Holds a log against the heads that are known of it, while it is read from its first record on. */
export class HeadWatch {
  readonly #known = new Map<number, KnownHead[]>();
  readonly #differ: HeadFinding[] = [];

  constructor(known: readonly KnownHead[]) {
    for (const head of known) {
      const others = this.#known.get(head.revision);
      if (others === undefined) this.#known.set(head.revision, [head]);
      else others.push(head);
    }
  }

  see({ revision, hash }: Head): void {
    for (const known of this.#known.get(revision) ?? []) {
      if (known.hash === hash || this.#differ.length >= MAX_TOLD) continue;
      const message = `${known.by} names revision ${revision} with the hash ${known.hash}; it has ${hash}`;
      this.#differ.push({ code: 'head_differs', message, revision });
    }
  }

  /** What was found, once the log has ended at a revision. */
  findings(end: number): readonly HeadFinding[] {
    const beyond = [...this.#known.values()].flat().filter(({ revision }) => revision > end);
    const missing = beyond.slice(0, MAX_TOLD).map(({ by, revision }): HeadFinding => {
      const message = `${by} names revision ${revision}; it ends at revision ${end}`;
      return { code: 'head_missing', message, revision };
    });
    return [...this.#differ, ...missing];
  }
}
