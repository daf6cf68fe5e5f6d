import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type How, ok } from './gait.ts';
import { type Log, readLog } from './log.ts';

/** The job of every command that is tried. */
export const JOB = 'j';

/** A directory that is made anew for every trial, with the same path each time: paths stand in logs. */
export class Bench {
  readonly dir: string;
  readonly root: string;
  /** Where the job's command says that it ran: not in the workspace. */
  readonly marks: string;
  readonly note: string;
  readonly how: How;
  readonly #top: string;
  readonly #template: string;

  constructor() {
    this.#top = mkdtempSync(join(tmpdir(), 'gait-hardship-'));
    this.dir = join(this.#top, 'work');
    this.root = join(this.dir, 'gait-out', 'jobs');
    this.marks = join(this.#top, 'marks');
    this.note = join(this.#top, 'trace');
    this.#template = join(this.#top, 'template');
    this.how = { cwd: this.dir };
  }

  /** Makes what the trials start from by these commands. */
  async prepare(lines: readonly (readonly string[])[], spoil: (bench: Bench) => void): Promise<void> {
    this.#empty();
    for (const line of lines) await ok(line, this.how);
    spoil(this);
    rmSync(this.#template, { recursive: true, force: true });
    cpSync(this.dir, this.#template, { recursive: true });
  }

  restore(): void {
    this.#empty();
    cpSync(this.#template, this.dir, { recursive: true });
  }

  #empty(): void {
    rmSync(this.dir, { recursive: true, force: true });
    rmSync(this.marks, { force: true });
    rmSync(this.note, { force: true });
    mkdirSync(this.dir);
  }

  log(): Log {
    return readLog(this.root, JOB);
  }

  /** How often the job's command ran. */
  runs(): number {
    try {
      return readFileSync(this.marks, 'utf8').split('\n').length - 1;
    } catch {
      return 0;
    }
  }

  remove(): void {
    rmSync(this.#top, { recursive: true, force: true });
  }
}
