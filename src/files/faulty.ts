import type { FsPort } from './port.ts';

/**
 * One fault, at one call. `before`: the call is not made. `after`: it is made, and its error hides that. `short`:
 * a write leaves half of its bytes; other calls fail as with `before`.
 */
export interface Fault {
  /** The first call is 1. */
  readonly at: number;
  readonly kind: 'before' | 'after' | 'short';
  readonly errno: string;
}

export interface FaultyFs extends FsPort {
  /** Which calls were made so far, by name. */
  readonly calls: readonly string[];
}

/** Any file system, with at most one failing call. Without a fault it only counts. */
export function faultyFs(inner: FsPort, fault?: Fault): FaultyFs {
  const calls: string[] = [];
  const fs = interposed(inner, (name, call, args) => {
    calls.push(name);
    if (fault === undefined || calls.length !== fault.at) return call();
    if (fault.kind === 'after') call();
    if (fault.kind === 'short' && name === 'write') halfWrite(inner, args);
    const message = `${fault.errno}: injected at call ${fault.at}, ${name}`;
    throw Object.assign(new Error(message), { code: fault.errno });
  });
  return { ...fs, calls };
}

/** Stands between a file system and its user: is told of each call, and makes it, or does not. */
export type Interpose = (name: keyof FsPort, call: () => unknown, args: readonly unknown[]) => unknown;

/** A file system each of whose calls goes through `around`. */
export function interposed(inner: FsPort, around: Interpose): FsPort {
  const through = <A extends unknown[], R>(name: keyof FsPort, call: (...args: A) => R) => {
    return (...args: A): R => around(name, () => call(...args), args) as R;
  };
  return {
    open: through('open', inner.open),
    close: through('close', inner.close),
    read: through('read', inner.read),
    write: through('write', inner.write),
    stat: through('stat', inner.stat),
    isAt: through('isAt', inner.isAt),
    ...(inner.stampOf === undefined ? {} : { stampOf: through('stampOf', inner.stampOf) }),
    ownLike: through('ownLike', inner.ownLike),
    truncate: through('truncate', inner.truncate),
    sync: through('sync', inner.sync),
    tryLock: through('tryLock', inner.tryLock),
    unlock: through('unlock', inner.unlock),
    makeDir: through('makeDir', inner.makeDir),
    syncDir: through('syncDir', inner.syncDir),
    rename: through('rename', inner.rename),
    remove: through('remove', inner.remove),
    names: through('names', inner.names),
  };
}

function halfWrite(inner: FsPort, args: readonly unknown[]): void {
  const [fd, bytes, position] = args as Parameters<FsPort['write']>;
  inner.write(fd, bytes.subarray(0, Math.floor(bytes.length / 2)), position);
}
