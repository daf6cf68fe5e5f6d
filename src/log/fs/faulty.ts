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
  const guarded = <A extends unknown[], R>(name: string, call: (...args: A) => R) => {
    return (...args: A): R => {
      calls.push(name);
      if (fault === undefined || calls.length !== fault.at) return call(...args);
      if (fault.kind === 'after') call(...args);
      if (fault.kind === 'short' && name === 'write') halfWrite(inner, args);
      throw Object.assign(new Error(`${fault.errno}: injected at call ${fault.at}, ${name}`), {
        code: fault.errno,
      });
    };
  };
  return {
    calls,
    open: guarded('open', inner.open),
    // A close that fails has closed all the same.
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

function halfWrite(inner: FsPort, args: readonly unknown[]): void {
  const [fd, bytes, position] = args as Parameters<FsPort['write']>;
  inner.write(fd, bytes.subarray(0, Math.floor(bytes.length / 2)), position);
}
