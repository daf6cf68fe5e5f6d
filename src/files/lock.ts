import { createRequire } from 'node:module';
import { errnoOf, GaitError } from '../core/errors.ts';
import type { Fd } from './port.ts';

/** An exclusive, advisory lock on an open file: flock(2), which frees itself when its process dies. */
export interface FileLock {
  tryLock(fd: Fd): boolean;
  unlock(fd: Fd): void;
}

export interface FlockModule {
  readonly constants: { readonly LOCK_EX: number; readonly LOCK_NB: number; readonly LOCK_UN: number };
  flockSync(fd: number, flags: number): void;
}

/** In order of preference: built at install where a compiler is, else shipped as a binary. Same calls in both. */
const PACKAGES = ['fs-ext', 'fs-ext-extra-prebuilt'];

/** What flock(2) answers where the file system, or the server behind it, has no locks. */
const NO_LOCKS: ReadonlySet<string> = new Set(['EINVAL', 'ENOLCK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

let loaded: FileLock | undefined;

/** Loads flock on first use. Throws `flock_missing` (dependency_missing) when no package with it can be loaded. */
export function loadFileLock(): FileLock {
  loaded ??= fileLock(requireFlock());
  return loaded;
}

function requireFlock(): FlockModule {
  const require = createRequire(import.meta.url);
  const failures: string[] = [];
  for (const name of PACKAGES) {
    try {
      return require(name) as FlockModule;
    } catch (cause) {
      const [firstLine] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
      failures.push(`${name}: ${firstLine}`);
    }
  }
  throw new GaitError({
    code: 'flock_missing',
    category: 'dependency_missing',
    message: `no package that provides flock(2) can be loaded (${failures.join('; ')})`,
    hint: 'Run `npm rebuild fs-ext` with a C++ toolchain, or `npm install fs-ext-extra-prebuilt`.',
    details: { tried: PACKAGES },
  });
}

// Only the synchronous, non-blocking call: the asynchronous one parks a thread of libuv's pool per waiter.
export function fileLock(flock: FlockModule): FileLock {
  const { LOCK_EX, LOCK_NB, LOCK_UN } = flock.constants;
  return {
    tryLock(fd) {
      try {
        flock.flockSync(fd, LOCK_EX | LOCK_NB);
        return true;
      } catch (error) {
        const code = errnoOf(error);
        if (code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EINTR') return false;
        if (code !== undefined && NO_LOCKS.has(code)) throw lockUnsupported(code, error);
        throw error;
      }
    },
    unlock: (fd) => flock.flockSync(fd, LOCK_UN),
  };
}

function lockUnsupported(errno: string, cause: unknown): GaitError {
  return new GaitError({
    code: 'lock_unsupported',
    category: 'dependency_missing',
    message: `this file system has no locks: flock(2) answers ${errno}`,
    hint: 'Put the directory on a local file system (ext4, xfs, btrfs, tmpfs), or start the lock service of the network one.',
    details: { errno },
    cause,
  });
}
