import { Process, type Surroundings } from './process.ts';
import type { Run } from './run.ts';

/** A worker or an operator: its present process, and what it remembers from one process to the next. */
export class Actor {
  readonly name: string;
  readonly role: 'worker' | 'operator';
  process: Process;
  run: Run | undefined;
  /** All tokens that it ever had of a job, the newest last. */
  readonly tokens: Map<string, number[]> = new Map();
  /** The jobs that it believes to hold. */
  readonly holds: Set<string> = new Set();
  readonly #around: Surroundings;

  constructor(name: string, role: Actor['role'], around: Surroundings) {
    this.name = name;
    this.role = role;
    this.#around = around;
    this.process = new Process(name, around);
  }

  get idle(): boolean {
    return this.run === undefined || this.run.over;
  }

  /** Ends its process, in whatever it is doing, and begins another on the same machine. */
  restart(): void {
    const { process } = this;
    process.kill();
    this.run?.end();
    this.process = new Process(this.name, this.#around);
    this.process.offsetMs = process.offsetMs;
  }

  token(jobId: string): number | undefined {
    return this.holds.has(jobId) ? this.tokens.get(jobId)?.at(-1) : undefined;
  }
}
