import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type KeyPaths, keyPaths } from '../../src/signing/key_files.ts';

/** Threads that make keys at the same paths at once, round after round. */
export interface Race {
  readonly dir: string;
  readonly threads: number;
  readonly rounds: number;
  readonly how: 'new' | 'force' | 'kept';
  /** Counts the arrivals of the threads, so that a round begins for all at once. */
  readonly gate: SharedArrayBuffer;
}

export function roundPaths(dir: string, round: number): KeyPaths {
  return keyPaths(join(dir, String(round)), 'gait');
}

/** What each thread was answered, by round. */
export async function race(dir: string, how: Race['how'], threads = 4, rounds = 60): Promise<string[][]> {
  const workerData: Race = { dir, threads, rounds, how, gate: new SharedArrayBuffer(4) };
  const workers = Array.from({ length: threads }, () => {
    return new Worker(new URL('./race_worker.js', import.meta.url), { workerData });
  });
  const answers = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
  return Array.from({ length: rounds }, (_, round) => answers.map((of: string[]) => of[round] ?? ''));
}
