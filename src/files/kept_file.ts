import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { errnoOf } from '../core/errors.ts';
import { closeQuietly, pieces } from './bytes.ts';
import type { FsPort } from './port.ts';

/** How many files of other content may have the names that a kept file could have. */
const MAX_NAMES = 100;

/** A name in a folder: of a file that holds just what is to be kept, or free. */
export interface NameForKept {
  readonly name: string;
  readonly there: boolean;
}

/**
 * Where to keep bytes of this size and digest: `<stem>.bin`, else `<stem>-2.bin` and so on, past all that is something
 * else. What is there already is on disk when this returns. Throws `EEXIST` if every name is taken.
 */
export function nameForKept(
  fs: FsPort,
  dir: string,
  stem: string,
  bytes: number,
  sha256: string,
): NameForKept {
  for (let n = 1; n <= MAX_NAMES; n += 1) {
    const name = n === 1 ? `${stem}.bin` : `${stem}-${n}.bin`;
    const found = holds(fs, join(dir, name), bytes, sha256);
    if (found !== 'other') return { name, there: found === 'same' };
  }
  const code = 'EEXIST';
  throw Object.assign(new Error(`${code}: ${MAX_NAMES} files of the name ${stem} are there already`), {
    code,
  });
}

function holds(fs: FsPort, path: string, bytes: number, sha256: string): 'absent' | 'same' | 'other' {
  let fd: number;
  try {
    fd = fs.open(path, 'plain');
  } catch (error) {
    return answerOf(error);
  }
  try {
    if (fs.stat(fd).size !== bytes) return 'other';
    const hash = createHash('sha256');
    for (const piece of pieces(fs, fd, 0, bytes)) hash.update(piece);
    if (hash.digest('hex') !== sha256) return 'other';
    fs.sync(fd);
    return 'same';
  } finally {
    closeQuietly(fs, fd);
  }
}

/** A link, a folder, and what may not be read are something else. */
function answerOf(error: unknown): 'absent' | 'other' {
  switch (errnoOf(error)) {
    case 'ENOENT':
      return 'absent';
    case 'ELOOP':
    case 'EFTYPE':
    case 'EISDIR':
    case 'EACCES':
    case 'EPERM':
    case 'ENXIO':
      return 'other';
    default:
      throw error;
  }
}
