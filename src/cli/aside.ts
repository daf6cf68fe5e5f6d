import { write } from 'node:fs';

/** What nobody reads in time is left out. */
const MAX_WAITING = 1000;

/** Lines on standard error of one who must not wait for whoever reads them, nor end because nobody does any more. */
export class Aside {
  readonly #waiting: string[] = [];
  #writing: Promise<void> | undefined;

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
      const text = `${this.#waiting.splice(0).join('\n')}\n`;
      await new Promise<void>((resolve) => write(2, text, () => resolve()));
    }
    this.#writing = undefined;
  }
}

/** From here on nobody who stops reading ends this process: what it holds is worth more than what it prints. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}
