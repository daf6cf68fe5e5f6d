import { type ChildProcess, spawn } from 'node:child_process';
import { BINARY } from '../support/cli.ts';
import { childEnv } from '../support/shell.ts';

/** What a worker said on its standard error: a lease that it got, or how a run under it ended. */
export interface Said {
  readonly jobId: string;
  readonly what: 'started' | 'finished' | 'failed' | 'interrupted' | 'lost';
  /** Of the last claim that it told of for this job. */
  readonly token: number;
}

const LINE = /^(\S+) {2}(started|finished|failed|interrupted|lost), (?:token (\d+))?/;

/** A real `gait job work`. */
export class WorkerProcess {
  readonly name: string;
  readonly said: Said[] = [];
  /** How many writes of its commands were refused because the lease was lost. */
  refusedWrites = 0;
  /** What the process ended with; null for a signal. */
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #tokens = new Map<string, number>();
  #rest = '';

  constructor(name: string, root: string, cwd: string, flags: readonly string[]) {
    this.name = name;
    const line = ['job', 'work', '--root', root, '--worker', name, '--ttl', '1s', '--idle', '250ms'];
    const child = spawn(process.execPath, [BINARY, ...line, ...flags], {
      cwd,
      env: childEnv(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => resolve(code));
    });
  }

  /** How many commands it runs, as far as it has said so. */
  get running(): number {
    const started = this.said.filter(({ what }) => what === 'started').length;
    return 2 * started - this.said.length;
  }

  /** False if it was gone already. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.kill(name);
  }

  /** The standard error, as far as it was not understood. */
  readonly strange: string[] = [];

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, jobId = '', what, token] = LINE.exec(line) ?? [];
      if (line.includes('[lease_lost,')) this.refusedWrites += 1;
      if (what === undefined) {
        this.strange.push(line);
        continue;
      }
      if (token !== undefined) this.#tokens.set(jobId, Number(token));
      this.said.push({ jobId, what: what as Said['what'], token: this.#tokens.get(jobId) ?? 0 });
    }
  }
}
