import type { Clock } from '../core/clock.ts';

/** The variables of a process. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What there is around whoever uses gait: a command, or a program. */
export interface Host {
  readonly env: Env;
  readonly clock: Clock;
  /** What is open until it is over. */
  readonly held: Held;
}

/** What is closed by whoever runs the command, however the command ends. */
export class Held {
  readonly #held: { close(): unknown }[] = [];

  keep<T extends { close(): unknown }>(opened: T): T {
    this.#held.push(opened);
    return opened;
  }

  async close(): Promise<void> {
    for (const opened of this.#held.splice(0).reverse()) await opened.close();
  }
}
