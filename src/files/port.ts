/** An open file. */
export type Fd = number;

/**
 * `read`: existing, to read. `plain`: the same, and no link: throws `ELOOP`. `update`: existing, to read and write.
 * `direct`: the same, and no link. `private`: as `new`, for the owner alone.
 * `new`: made by this call, to read and write: throws `EEXIST` for whatever has that name, a link included.
 */
export type OpenMode = 'read' | 'plain' | 'update' | 'direct' | 'new' | 'private';

/** What tells one content of a file from another without reading it. */
export interface FileStamp {
  /** Bytes. */
  readonly size: number;
  readonly inode: number;
  /** When the file or its names last changed, by the file system's clock: milliseconds since 1970. Nobody can set it. */
  readonly changedMs: number;
}

/**
 * All that the file store asks of a file system, so that a test can put a simulated or a failing disk in its place.
 * Calls are synchronous and throw Node's system errors (`ENOENT`, `ENOSPC`, `EIO` …).
 */
export interface FsPort {
  open(path: string, mode: OpenMode): Fd;
  close(fd: Fd): void;
  /** Bytes read into `buffer`, from `position` on; 0 at the end. */
  read(fd: Fd, buffer: Uint8Array, position: number): number;
  /** Bytes written at `position`; may be fewer than asked. */
  write(fd: Fd, bytes: Uint8Array, position: number): number;
  stat(fd: Fd): { readonly size: number };
  /** True if the open file is the one that the path leads to now: not removed, moved or replaced since it was opened. */
  isAt(fd: Fd, path: string): boolean;
  /** The stamp of the regular file at a path; undefined for anything else, and when it cannot be told. */
  stampOf?(path: string): FileStamp | undefined;
  /**
   * Gives the open file `fd` the owner and group of the open file `like`, as far as this process may, and with `modeToo`
   * its mode.
   */
  ownLike(fd: Fd, like: Fd, modeToo: boolean): void;
  truncate(fd: Fd, size: number): void;
  /** Puts the file's data and size on disk. */
  sync(fd: Fd): void;
  /** Takes the exclusive lock of the open file if it is free. Freed by `unlock`, `close` and the end of the process. */
  tryLock(fd: Fd): boolean;
  unlock(fd: Fd): void;
  /** Makes one directory, for its owner alone or for the group that its parent is shared with. Throws `EEXIST`. */
  makeDir(path: string): void;
  /** Puts a directory's entries on disk. */
  syncDir(path: string): void;
  /** Replaces `to` in one step. */
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** The names in a directory. */
  names(path: string): string[];
}
