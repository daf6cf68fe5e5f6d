import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { errnoOf } from '../../core/errors.ts';
import { killGroup } from '../process/groups.ts';

/** An answer that is longer is none. Bytes. */
export const MAX_ANSWER_BYTES: number = 16 * 1024;

/** How long the output of those is waited for that have left the process group and live on. */
const DRAIN_MS = 250;

export interface BrokerProcess {
  /** Absolute. */
  readonly path: string;
  /** What it is called: a program of many names looks at it. */
  readonly argv0: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** What it printed, if it ended well; else why not, without a word of what it printed. */
export type BrokerAnswer = { readonly stdout: Buffer } | { readonly failed: string };

/**
 * Runs a program with this input, by no shell, as the leader of a process group of its own, and reads what it prints to
 * standard output; standard error goes nowhere. When it ends, or its time is over, all that is left of the group is
 * killed. Never throws.
 */
export function runBroker(program: BrokerProcess, input: Buffer): Promise<BrokerAnswer> {
  let heard = (_: NodeJS.Signals): void => {};
  // Before there is a process, which a signal that comes as it starts would leave behind.
  const release = onSignals((name) => heard(name));
  const child = started(program);
  if (child instanceof Error) {
    release();
    return Promise.resolve(notStarted(child));
  }
  return new Promise((resolve) => {
    const answer = new Gathered();
    const timers: NodeJS.Timeout[] = [];
    let [running, settled] = [true, false];
    const endGroup = (): void => {
      if (running && child.pid !== undefined) killGroup(child.pid, 'SIGKILL');
      running = false;
    };
    const settle = (outcome: BrokerAnswer): void => {
      if (settled) return;
      settled = true;
      endGroup();
      for (const timer of timers) clearTimeout(timer);
      release();
      child.stdout?.destroy();
      child.stdin?.destroy();
      resolve(outcome);
    };
    heard = (name) => {
      settle({ failed: `interrupted by ${name}` });
      // Whoever else listens has heard it; if nobody does, it ends gait as it would have.
      if (process.listenerCount(name) === 0) process.kill(process.pid, name);
    };
    const { timeoutMs } = program;
    const late = { failed: `the command was not done after ${timeoutMs} ms` };
    timers.push(setTimeout(() => settle(late), timeoutMs));
    child.on('error', (error) => settle(notStarted(error)));
    child.stdout
      ?.on('error', () => {})
      .on('data', (chunk: Buffer) => {
        if (!answer.add(chunk)) settle({ failed: `the command printed more than ${MAX_ANSWER_BYTES} bytes` });
      });
    child.once('exit', (code, signal) => {
      endGroup();
      if (settled) return;
      const outcome = (): void => settle(answer.after(code, signal));
      child.once('close', outcome);
      timers.push(setTimeout(outcome, DRAIN_MS));
    });
    // A program that does not read what it is told closes the pipe.
    child.stdin?.on('error', () => {}).end(input);
  });
}

/** A process, or why there is none: some refusals of the system are thrown, others come as events. */
function started({ path, argv0, args, env }: BrokerProcess): ChildProcess | Error {
  const options: SpawnOptions = { argv0, env: { ...env }, detached: true, stdio: ['pipe', 'pipe', 'ignore'] };
  try {
    return spawn(path, args, options);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

function notStarted(error: Error): BrokerAnswer {
  return { failed: `the command could not be started (${errnoOf(error) ?? 'refused'})` };
}

/** What a process prints, up to the limit. */
class Gathered {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  /** False once it is too much. */
  add(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_ANSWER_BYTES) return false;
    this.#chunks.push(chunk);
    return true;
  }

  after(code: number | null, signal: NodeJS.Signals | null): BrokerAnswer {
    if (signal !== null) return { failed: `the command was ended by ${signal}` };
    if (code !== 0) return { failed: `the command ended with exit code ${code}` };
    if (this.#bytes === 0) return { failed: 'the command printed nothing' };
    return { stdout: Buffer.concat(this.#chunks) };
  }
}

/** Tells of signals that ask gait to end, until released. */
function onSignals(heard: (name: NodeJS.Signals) => void): () => void {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, heard);
  return () => {
    for (const name of names) process.off(name, heard);
  };
}
