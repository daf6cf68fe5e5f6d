// A thread of its own for key_race.test.ts: in every round all threads make keys at the same paths at once.
import { parentPort, workerData } from 'node:worker_threads';
import { GaitError } from '../../src/core/errors.ts';
import { createKeyFiles, keptKey } from '../../src/signing/key_files.ts';
import { type Race, roundPaths } from './race.ts';

const { dir, threads, rounds, how, gate } = workerData as Race;
const arrived = new Int32Array(gate);

/** Waits until all threads are here. */
function meet(round: number): void {
  Atomics.add(arrived, 0, 1);
  Atomics.notify(arrived, 0);
  for (
    let count = Atomics.load(arrived, 0);
    count < threads * (round + 1);
    count = Atomics.load(arrived, 0)
  ) {
    Atomics.wait(arrived, 0, count, 50);
  }
}

/** The id of the key that this thread was given, or the code of its refusal. */
function answer(round: number): string {
  try {
    const paths = roundPaths(dir, round);
    return (how === 'kept' ? keptKey(paths).key : createKeyFiles(paths, how === 'force')).keyId;
  } catch (error) {
    return error instanceof GaitError ? error.code : `not typed: ${String(error)}`;
  }
}

const answers = Array.from({ length: rounds }, (_, round) => {
  meet(round);
  return answer(round);
});
parentPort?.postMessage(answers);
