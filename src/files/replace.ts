import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../core/errors.ts';
import type { Fd, FsPort } from './port.ts';

export interface Replacement {
  /** The open file whose owner the new one gets. */
  readonly like?: Fd;
  /** Whether it gets its mode as well, in place of that of a new file. By default it does. */
  readonly likeMode?: boolean;
  /** For its owner alone, also in a folder that a group shares. */
  readonly ownersOnly?: boolean;
  /** Whether the content is to be on disk before it takes its place; a cache need not. By default it is. */
  readonly synced?: boolean;
}

/** Puts a file with this content in the place of whatever stands at `path`, in one step. */
export function replaceFile(
  fs: FsPort,
  path: string,
  content: Iterable<Buffer>,
  options: Replacement = {},
): void {
  fs.rename(prepareFile(fs, path, content, options), path);
}

/** The first half of {@link replaceFile}: writes the file beside its place and answers where. */
export function prepareFile(
  fs: FsPort,
  path: string,
  content: Iterable<Buffer>,
  options: Replacement = {},
): string {
  const temporary = freeName(fs, join(dirname(path), `.${basename(path)}`));
  writeNew(fs, temporary, content, options);
  return temporary;
}

/** What a crash left, or a link, is removed; what cannot be, such as a folder, is left, and another name taken. */
function freeName(fs: FsPort, stem: string): string {
  const name = `${stem}.new`;
  try {
    removeIfThere(fs, name);
    return name;
  } catch (error) {
    if (!['EISDIR', 'EPERM', 'EACCES', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
    return `${stem}.${randomBytes(8).toString('hex')}.new`;
  }
}

/** Writes a file that must not be there yet: throws `EEXIST` for whatever is, a link included. */
export function writeNew(
  fs: FsPort,
  path: string,
  content: Iterable<Buffer>,
  { like, likeMode = true, synced = true, ownersOnly = false }: Replacement = {},
): void {
  const fd = fs.open(path, ownersOnly ? 'private' : 'new');
  try {
    if (like !== undefined) fs.ownLike(fd, like, likeMode);
    let at = 0;
    for (const piece of content) {
      for (let done = 0; done < piece.length; ) done += fs.write(fd, piece.subarray(done), at + done);
      at += piece.length;
    }
    if (synced) fs.sync(fd);
  } finally {
    fs.close(fd);
  }
}

export function removeIfThere(fs: FsPort, path: string): void {
  try {
    fs.remove(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
