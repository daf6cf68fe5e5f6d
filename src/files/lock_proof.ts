import { GaitError } from '../core/errors.ts';
import { closeQuietly } from './bytes.ts';
import type { Fd, FsPort } from './port.ts';

/** That the lock of a store's file system excludes others: looked at once, before the first write. */
export class LockProof {
  #seen = false;

  /**
   * With the lock of the file at `path` held by `fd`: a second opening must not get it. Throws `lock_not_exclusive` (unsafe_operation) if
   * it does, since two writers would then overwrite each other's records and both be told that theirs are on disk.
   */
  demand(fs: FsPort, fd: Fd, path: string): void {
    if (this.#seen) return;
    const second = fs.open(path, 'update');
    try {
      if (!fs.tryLock(second)) this.#seen = true;
      else if (fs.isAt(fd, path) && fs.isAt(second, path)) throw notExclusive(path); // and not another file by now
    } finally {
      closeQuietly(fs, second); // which frees its lock too
    }
  }
}

function notExclusive(path: string): GaitError {
  return new GaitError({
    code: 'lock_not_exclusive',
    category: 'unsafe_operation',
    message: `the file system of ${path} gives a lock to two at once: nothing was written`,
    hint: 'Put the directory on a local file system (ext4, xfs, btrfs, tmpfs, overlay); event_log.md names those that work.',
    details: { path },
  });
}
