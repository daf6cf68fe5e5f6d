import type { Process } from './process.ts';

/** One operation of one process, from its begin to its end, in turns: between them the process stands still. */
export class Run {
  readonly process: Process;
  readonly what: string;
  /** The operation is over, or its process is. */
  over = false;
  #parked: (() => void)[] = [];
  #endTurn: () => void = () => {};
  /** Resolves when the process stands still, or the operation is over. */
  turn: Promise<void>;

  constructor(process: Process, what: string) {
    this.process = process;
    this.what = what;
    this.turn = this.#newTurn();
  }

  get suspended(): boolean {
    return !this.over && this.#parked.length > 0;
  }

  suspend(): Promise<void> {
    return new Promise((goOn) => {
      this.#parked.push(goOn);
      this.#endTurn();
    });
  }

  goOn(): void {
    this.turn = this.#newTurn();
    for (const goOn of this.#parked.splice(0)) goOn();
  }

  end(): void {
    this.over = true;
    this.#endTurn();
  }

  #newTurn(): Promise<void> {
    return new Promise((end) => {
      this.#endTurn = end;
    });
  }
}
