import type { Io } from './io.ts';

/** What nobody reads in time is left out. */
const MAX_WAITING = 1000;

/** Lines on standard error of one who must not wait for whoever reads them, nor end because nobody does any more. */
export class Aside {
  readonly #io: Pick<Io, 'aside'>;
  readonly #waiting: string[] = [];
  #writing: Promise<void> | undefined;

  constructor(io: Pick<Io, 'aside'>) {
    this.#io = io;
  }

  note(line: string): void {
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push(line);
    this.#writing ??= this.#write();
  }

  /** Resolves when all was written, or after so many milliseconds. */
  async settled(ms: number): Promise<void> {
    const time = new Promise<void>((resolve) => setTimeout(resolve, ms).unref());
    await Promise.race([this.#writing, time]);
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#io.aside(this.#waiting.splice(0));
    }
    this.#writing = undefined;
  }
}
