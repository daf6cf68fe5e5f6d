import { dirname, resolve } from 'node:path';
import { errnoOf } from '../../core/errors.ts';
import type { FsPort } from './port.ts';

/** Makes a directory and those above it that are missing, each of them on disk before the next is made. */
export function ensureDir(fs: FsPort, path: string): void {
  const full = resolve(path);
  if (!makeOne(fs, full)) {
    ensureDir(fs, dirname(full));
    makeOne(fs, full);
  }
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
  fs.syncDir(dirname(path));
  return true;
}
