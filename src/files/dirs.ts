import { dirname, resolve } from 'node:path';
import { errnoOf } from '../core/errors.ts';
import type { FsPort } from './port.ts';

/** What a folder answers that cannot be synced, or not by us. A disk that fails answers something else. */
const REFUSALS: ReadonlySet<string> = new Set([
  'EACCES',
  'EBADF',
  'EINVAL',
  'EISDIR',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EPERM',
  'EROFS',
]);

/** What the disk answers when it fails, or is full: then a name that is new may not have reached it. */
const FAILURES: ReadonlySet<string> = new Set(['EIO', 'ENOSPC', 'EDQUOT']);

/** Makes a directory and those above it that are missing, each of them on disk before the next is made. */
export function ensureDir(fs: FsPort, path: string): void {
  const full = resolve(path);
  if (!makeOne(fs, full)) {
    ensureDir(fs, dirname(full));
    makeOne(fs, full);
  }
}

/**
 * Puts the names that lead to a stream's folder on disk: its entry in the root, and the root's own above it. What cannot be
 * synced there does not matter: gait writes nothing else in it, and what it made it has synced when it made it. (autofs
 * and squashfs answer EINVAL.) Throws what a failing disk says, with the path.
 */
export function syncAbove(fs: FsPort, dir: string): void {
  const root = dirname(dir);
  syncUnless(fs, root, (errno) => REFUSALS.has(errno));
  for (let path = root; dirname(path) !== path; path = dirname(path)) {
    syncUnless(fs, dirname(path), (errno) => !FAILURES.has(errno));
  }
}

/** Syncs a directory. What it throws names the path. */
export function syncDirAt(fs: FsPort, path: string): void {
  syncUnless(fs, path, () => false);
}

/** False when the parent is missing. */
function makeOne(fs: FsPort, path: string): boolean {
  try {
    fs.makeDir(path);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EEXIST') return true;
    if (code === 'ENOENT' && dirname(path) !== path) return false;
    throw error;
  }
  syncUnless(fs, dirname(path), (errno) => REFUSALS.has(errno));
  return true;
}

function syncUnless(fs: FsPort, path: string, forgives: (errno: string) => boolean): void {
  try {
    fs.syncDir(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== undefined && forgives(errno)) return;
    throw error instanceof Error ? Object.assign(error, { path }) : error;
  }
}
