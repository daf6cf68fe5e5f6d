import * as fs from 'node:fs';
import { loadFileLock } from './lock.ts';
import type { FsPort, OpenMode } from './port.ts';

const FLAGS: Record<OpenMode, number> = {
  read: fs.constants.O_RDONLY,
  update: fs.constants.O_RDWR,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT,
};

/** The real file system. Files are made 0600, directories 0700. */
export const nodeFs: FsPort = {
  open(path, mode) {
    // Not blocking: to open a FIFO would wait for a writer. On a regular file it changes nothing.
    const fd = fs.openSync(path, FLAGS[mode] | fs.constants.O_NONBLOCK, 0o600);
    if (fs.fstatSync(fd).isFile()) return fd;
    fs.closeSync(fd);
    throw Object.assign(new Error(`EFTYPE: not a regular file, open '${path}'`), { code: 'EFTYPE' });
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
  truncate: (fd, size) => fs.ftruncateSync(fd, size),
  sync: (fd) => fs.fdatasyncSync(fd),
  tryLock: (fd) => loadFileLock().tryLock(fd),
  unlock: (fd) => loadFileLock().unlock(fd),
  makeDir: (path) => fs.mkdirSync(path, { mode: 0o700 }),
  syncDir(path) {
    const fd = fs.openSync(path, fs.constants.O_RDONLY);
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  },
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => fs.unlinkSync(path),
  names: (path) => fs.readdirSync(path),
};
