import type { FsPort } from '../../src/log/fs/port.ts';

/** A file system that asks `guard` before each call; what `guard` throws, the call throws. */
export function guardedFs(inner: FsPort, guard: (name: string) => void): FsPort {
  const guarded = <A extends unknown[], R>(name: string, call: (...args: A) => R) => {
    return (...args: A): R => {
      guard(name);
      return call(...args);
    };
  };
  return {
    open: guarded('open', inner.open),
    close: guarded('close', inner.close),
    read: guarded('read', inner.read),
    write: guarded('write', inner.write),
    stat: guarded('stat', inner.stat),
    truncate: guarded('truncate', inner.truncate),
    sync: guarded('sync', inner.sync),
    tryLock: guarded('tryLock', inner.tryLock),
    unlock: guarded('unlock', inner.unlock),
    makeDir: guarded('makeDir', inner.makeDir),
    syncDir: guarded('syncDir', inner.syncDir),
    rename: guarded('rename', inner.rename),
    remove: guarded('remove', inner.remove),
    names: guarded('names', inner.names),
  };
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
