import type { Ended } from '../../job/work/run_ports.ts';
import { killGroup } from './groups.ts';
import { uptime } from './guard_watches.ts';

/** How long a guard's word is waited for that lives and says nothing. Milliseconds. */
const WORD_MS = 5000;

/** How long a command waits to be watched before its guard counts as gone: a busy machine starts one slowly. Milliseconds. */
export const WATCH_MS = 20_000;

export interface GuardedPorts {
  /** To the guard. */
  say(words: string): void;
  /** It watches: the command may begin. */
  open(): void;
  /** It lives, and does not say in `watchMs` that it watches. */
  silent(): void;
  readonly watchMs: number;
}

/** A command's group of processes under a guard, as its worker sees it. */
export class Guarded {
  readonly #group: number;
  readonly #say: (words: string) => void;
  readonly #open: () => void;
  /** When its time is over, by {@link uptime}. */
  #end: number;
  #opened = false;
  readonly #unheard: NodeJS.Timeout;
  #over = false;
  /** By the guard, or because its time was over, or because there was no guard any more: by nothing that it did itself. */
  #killed = false;
  /** Why it was never opened. */
  #unguarded: string | undefined;
  #settle = (): void => {};
  readonly #settled = new Promise<void>((resolve) => {
    this.#settle = resolve;
  });

  constructor(group: number, end: number, { say, open, silent, watchMs }: GuardedPorts) {
    this.#group = group;
    this.#end = end;
    this.#say = say;
    this.#open = open;
    this.#say(`watch ${group} ${end.toFixed(3)}`);
    this.#unheard = setTimeout(silent, watchMs);
  }

  /** What the guard says of it. */
  hear(word: string): void {
    if (word === 'watching' && !this.#over && !this.#opened) {
      this.#opened = true;
      clearTimeout(this.#unheard);
      this.#open();
    }
    if (word === 'killed') this.#killed = true;
    if (word.startsWith('over') && this.#over) {
      if (word === 'over killed') this.#killed = true;
      this.#settle();
    }
  }

  /** The guard is no more: nothing runs without it. */
  abandon(why: string): void {
    clearTimeout(this.#unheard);
    if (this.#over) return;
    if (!this.#opened) this.#unguarded = why;
    this.#killed = true;
    killGroup(this.#group, 'SIGKILL');
  }

  /** The guard says nothing more. */
  settle(): void {
    this.#settle();
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#over) return; // another group may have its number
    if (signal === 'SIGKILL' && uptime() >= this.#end) this.#killed = true;
    killGroup(this.#group, signal);
  }

  /** It has so many milliseconds more, unless its time is over: then it has none, whoever woke first. */
  beat(ms: number): void {
    const now = uptime();
    if (now >= this.#end) this.kill('SIGKILL');
    if (now >= this.#end || this.#over) return;
    this.#end = now + ms;
    this.#say(`beat ${this.#group} ${this.#end.toFixed(3)}`);
  }

  /** Its first process has ended: ends what that left behind, and tells who ended it. */
  async finish(ended: Ended): Promise<Ended> {
    killGroup(this.#group, 'SIGKILL');
    this.#over = true;
    clearTimeout(this.#unheard);
    this.#say(`done ${this.#group}`);
    if (ended.signal !== 'SIGKILL') return ended;
    await this.#word();
    if (this.#unguarded !== undefined)
      return { exitCode: null, signal: null, error: this.#unguarded, killedBy: 'guard' };
    return this.#killed ? { ...ended, killedBy: 'guard' } : ended;
  }

  async #word(): Promise<void> {
    const timer = setTimeout(this.#settle, WORD_MS);
    await this.#settled;
    clearTimeout(timer);
  }
}
