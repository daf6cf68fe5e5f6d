import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, GaitError } from '../core/errors.ts';
import { loadFileLock } from './lock.ts';
import type { FsPort, OpenMode } from './port.ts';

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = fs.constants;

const FLAGS: Record<OpenMode, number> = {
  read: O_RDONLY,
  plain: O_RDONLY | O_NOFOLLOW,
  update: O_RDWR,
  direct: O_RDWR | O_NOFOLLOW,
  new: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
  private: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
};

const SETGID = 0o2000;
const OWNERS_FILE = 0o600;
const OWNERS_FOLDER = 0o700;
const SHARED_FILE = 0o660;
const SHARED_FOLDER = 0o2770;

/**
 * The real file system. What is made in a folder is for its owner alone, files 0600 and folders 0700; in a folder with
 * the setgid bit it is for that group as well, files 0660 and folders 2770, whatever the umask.
 */
export const nodeFs: FsPort = {
  open(path, mode) {
    // Not blocking: to open a FIFO would wait for a writer. On a regular file it changes nothing.
    const fd = fs.openSync(path, FLAGS[mode] | O_NONBLOCK, OWNERS_FILE);
    return orClosed(fd, () => {
      if (!fs.fstatSync(fd).isFile()) throw failure('EFTYPE', 'not a regular file', `open '${path}'`);
      if (mode === 'new' && isShared(dirname(path))) fs.fchmodSync(fd, SHARED_FILE);
    });
  },
  close: (fd) => fs.closeSync(fd),
  read: (fd, buffer, position) => fs.readSync(fd, buffer, 0, buffer.length, position),
  write: (fd, bytes, position) => fs.writeSync(fd, bytes, 0, bytes.length, position),
  stat: (fd) => ({ size: fs.fstatSync(fd).size }),
  isAt(fd, path) {
    const [open, there] = [fs.fstatSync(fd), fs.statSync(path, { throwIfNoEntry: false })];
    return there !== undefined && open.ino === there.ino && open.dev === there.dev;
  },
  stampOf(path) {
    try {
      const stat = fs.statSync(path, { throwIfNoEntry: false });
      if (stat?.isFile() !== true) return undefined;
      return { size: stat.size, inode: stat.ino, changedMs: stat.ctimeMs };
    } catch {
      return undefined;
    }
  },
  ownLike(fd, like, modeToo) {
    const wanted = fs.fstatSync(like);
    const own = fs.fstatSync(fd);
    if (own.uid !== wanted.uid || own.gid !== wanted.gid) {
      // Only root gives files away; others may give them to a group of theirs.
      if (!allowed(() => fs.fchownSync(fd, wanted.uid, wanted.gid)))
        allowed(() => fs.fchownSync(fd, own.uid, wanted.gid));
    }
    if (!modeToo) return;
    // What the mode says of a group is said of that group and of no other.
    const sameGroup = fs.fstatSync(fd).gid === wanted.gid;
    allowed(() => fs.fchmodSync(fd, wanted.mode & (sameGroup ? 0o777 : 0o700)));
  },
  truncate: (fd, size) => fs.ftruncateSync(fd, size),
  sync: (fd) => fs.fdatasyncSync(fd),
  tryLock: (fd) => loadFileLock().tryLock(fd),
  unlock: (fd) => loadFileLock().unlock(fd),
  makeDir(path) {
    const shared = isShared(dirname(path));
    fs.mkdirSync(path, { mode: OWNERS_FOLDER });
    if (shared) inFolder(path, (fd) => fs.fchmodSync(fd, SHARED_FOLDER), O_NOFOLLOW);
  },
  syncDir: (path) => inFolder(path, (fd) => fs.fsyncSync(fd)),
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => fs.unlinkSync(path),
  names: (path) => fs.readdirSync(path),
};

/**
 * Shares a folder, made if absent, with a group: what is made in it from now on is for that group too. What is in it
 * already stays as it is. Throws the system's errors, and `access_denied` where the system leaves out the setgid bit.
 */
export function shareFolder(path: string, gid: number): void {
  try {
    fs.mkdirSync(path, { mode: OWNERS_FOLDER });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  const mode = inFolder(path, (fd) => {
    fs.fchownSync(fd, fs.fstatSync(fd).uid, gid);
    fs.fchmodSync(fd, SHARED_FOLDER);
    return fs.fstatSync(fd).mode;
  });
  if ((mode & SETGID) !== 0) return;
  throw new GaitError({
    code: 'access_denied',
    category: 'io_failure',
    message: `the system does not let this account share ${path} with group ${gid}`,
    hint: 'Name a group that this account is a member of, or let root run the same command.',
    details: { errno: null },
  });
}

function isShared(folder: string): boolean {
  return ((fs.statSync(folder, { throwIfNoEntry: false })?.mode ?? 0) & SETGID) !== 0;
}

function inFolder<T>(path: string, act: (fd: number) => T, flags = 0): T {
  const fd = fs.openSync(path, O_RDONLY | O_DIRECTORY | flags);
  try {
    return act(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function orClosed(fd: number, check: () => void): number {
  try {
    check();
    return fd;
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

function allowed(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EPERM' && errno !== 'EINVAL') throw error; // EINVAL: an owner that this namespace does not know
    return false;
  }
}

function failure(code: string, what: string, doing: string): Error {
  return Object.assign(new Error(`${code}: ${what}, ${doing}`), { code });
}
