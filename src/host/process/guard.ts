import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Guarded, WATCH_MS } from './guarded.ts';
import { started } from './started.ts';

/** In the bundle this is a path. */
const HERE = import.meta.url.startsWith('file:') ? fileURLToPath(import.meta.url) : import.meta.url;
/** Beside this file, wherever that is: in the library, or among the chunks of the bundle. */
const FILE = join(dirname(HERE), `guard_main${extname(HERE)}`);

/** Settings of Node and of what it loads: they would slow the guard down, or change what it does. */
const SETTINGS = /^(NODE|UV|OPENSSL|SSL)_/;

/** The guard of all commands of a worker: one process at a time, and a new one for a command that finds none. */
export class Guard {
  readonly #env: NodeJS.ProcessEnv;
  readonly #watchMs: number;
  #process: GuardProcess;

  /** Starts it at once, so that it is there when the first command is. */
  constructor(env: NodeJS.ProcessEnv, watchMs: number = WATCH_MS) {
    this.#watchMs = watchMs;
    this.#env = Object.fromEntries(Object.entries(env).filter(([name]) => !SETTINGS.test(name)));
    this.#process = new GuardProcess(this.#env);
  }

  /** Has a group watched until its end, and calls `open` once it is; without a guard the group is killed. */
  watch(group: number, end: number, open: () => void): Guarded {
    if (this.#process.gone) this.#process = new GuardProcess(this.#env);
    return this.#process.watch(group, end, open, this.#watchMs);
  }
}

/** In a session of its own: no key of a terminal reaches it. */
class GuardProcess {
  readonly #watched = new Map<number, Guarded>();
  readonly #child: ChildProcess | Error;
  #gone: string | undefined;
  #rest = '';

  constructor(env: NodeJS.ProcessEnv) {
    this.#child = started(process.execPath, ['--v8-pool-size=0', FILE], {
      cwd: '/',
      env,
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    if (this.#child instanceof Error) this.#lose(`could not be started: ${this.#child.message}`);
    else this.#attend(this.#child);
  }

  get gone(): boolean {
    return this.#gone !== undefined;
  }

  watch(group: number, end: number, open: () => void, watchMs: number): Guarded {
    const guarded = new Guarded(group, end, {
      say: (words) => this.#say(words),
      open,
      silent: () => this.#end(),
      watchMs,
    });
    this.#watched.set(group, guarded);
    if (this.#gone !== undefined) this.#lose(this.#gone);
    return guarded;
  }

  /** One that stands still watches nothing: what it watched ends with it, and the next command gets another. */
  #end(): void {
    if (!(this.#child instanceof Error)) this.#child.kill('SIGKILL');
  }

  #attend(child: ChildProcess): void {
    // Whoever waits for orphans here may never do so: the guard ends before its worker, if that ends by itself.
    const end = (): void => {
      child.ref();
      child.kill('SIGKILL');
    };
    process.once('beforeExit', end);
    child.on('error', ({ message }) => {
      if (child.pid === undefined) this.#lose(`could not be started: ${message}`);
    });
    child.on('exit', (code, signal) => this.#leave(`ended (${signal ?? `exit ${code}`})`));
    child.on('close', () => {
      process.off('beforeExit', end);
      this.#lose('ended');
    });
    child.stdin?.on('error', () => {});
    child.stdout?.setEncoding('latin1').on('data', (text: string) => this.#hear(text));
    // What keeps the worker waiting is a command that runs, and not its guard.
    child.unref();
    for (const stream of [child.stdin, child.stdout]) if (stream instanceof Socket) stream.unref();
  }

  #say(words: string): void {
    if (this.#gone === undefined && !(this.#child instanceof Error)) this.#child.stdin?.write(`${words}\n`);
  }

  #hear(text: string): void {
    const lines = `${this.#rest}${text}`.split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const [word = '', group, by] = line.split(' ');
      this.#watched.get(Number(group))?.hear(by === undefined ? word : `${word} ${by}`);
      if (word === 'over') this.#watched.delete(Number(group));
    }
  }

  /** What it watched ends with it, though what it said last may still be read. */
  #leave(why: string): void {
    this.#gone ??= `the guard of the commands ${why}, and none runs without it`;
    for (const guarded of this.#watched.values()) guarded.abandon(this.#gone);
  }

  #lose(why: string): void {
    this.#leave(why);
    for (const guarded of this.#watched.values()) guarded.settle();
    this.#watched.clear();
  }
}
