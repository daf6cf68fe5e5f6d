import { interposed } from '../../src/files/faulty.ts';
import type { FsPort } from '../../src/files/port.ts';

/** A file system that asks `guard` before each call; what `guard` throws, the call throws. */
export function guardedFs(inner: FsPort, guard: (name: keyof FsPort) => void): FsPort {
  return interposed(inner, (name, call) => {
    guard(name);
    return call();
  });
}

export interface DyingFs extends FsPort {
  /** How many calls were made, or would have been. */
  calls(): number;
}

/** A process that ends right before its call number `at` (the first is 1): from there on no call does anything. */
export function dyingFs(inner: FsPort, at: number = Number.POSITIVE_INFINITY): DyingFs {
  let calls = 0;
  const fs = guardedFs(inner, (name) => {
    calls += 1;
    if (calls >= at) throw Object.assign(new Error(`EIO: the process ended at ${name}`), { code: 'EIO' });
  });
  return { ...fs, calls: () => calls };
}
