import { basename, dirname } from 'node:path';
import type { Fd, FsPort, OpenMode } from './port.ts';

/** A change that no sync has put on disk yet. */
export type Pending =
  | { readonly kind: 'write'; readonly path: string; readonly offset: number; readonly length: number }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  | { readonly kind: 'entry'; readonly path: string; readonly what: 'add' | 'remove' | 'rename' };

/** What a power failure makes of a pending change. `torn`: only the first bytes of a write. `zeros`: its length, without its bytes. */
export type Fate = 'kept' | 'lost' | 'zeros' | { readonly torn: number };

interface FileNode {
  readonly kind: 'file';
  readonly inode: number;
  changedMs: number;
  live: Buffer;
  durable: Buffer;
  pending: FileChange[];
  lockedBy: Fd | undefined;
}

interface DirNode {
  readonly kind: 'dir';
  live: Map<string, Node>;
  durable: Map<string, Node>;
  pending: EntryChange[];
}

type Node = FileNode | DirNode;
type FileChange = { readonly offset: number; readonly bytes: Buffer } | { readonly size: number };

interface EntryChange {
  readonly what: 'add' | 'remove' | 'rename';
  readonly name: string;
  apply(entries: Map<string, Node>): void;
}

/**
 * A disk in memory that keeps apart what processes see and what survives a power failure. Writes reach the platter
 * only when their file is synced, names only when their directory is; until then a crash may keep, lose, tear or
 * zero each of them, alone or in any combination.
 */
export class SimDisk {
  #root: DirNode = newDir();
  readonly #open = new Map<Fd, { readonly node: FileNode; readonly mode: OpenMode }>();
  #nextFd = 3;
  #nextInode = 1;
  /** The clock that stamps files with the time of their last change. */
  nowMs = 0;

  /** The file system as one process has it. `kill` ends that process: its files close, its locks are free. */
  mount(): FsPort & { kill(): void } {
    const mine = new Set<Fd>();
    return {
      open: (path, mode) => {
        const fd = this.#openFile(path, mode);
        mine.add(fd);
        return fd;
      },
      close: (fd) => {
        mine.delete(fd);
        this.#close(fd);
      },
      read: (fd, buffer, position) => {
        const bytes = this.#file(fd).live.subarray(position, position + buffer.length);
        buffer.set(bytes);
        return bytes.length;
      },
      write: (fd, bytes, position) => this.#write(fd, bytes, position),
      stat: (fd) => ({ size: this.#file(fd).live.length }),
      isAt: (fd, path) => this.#find(path) === this.#file(fd),
      stampOf: (path) => {
        const node = this.#find(path);
        if (node?.kind !== 'file') return undefined;
        return { size: node.live.length, inode: node.inode, changedMs: node.changedMs };
      },
      ownLike: () => {},
      truncate: (fd, size) => {
        const file = this.#file(fd);
        file.changedMs = this.nowMs;
        file.pending.push({ size });
        file.live = resized(file.live, size);
      },
      sync: (fd) => {
        const file = this.#file(fd);
        file.durable = Buffer.from(file.live);
        file.pending = [];
      },
      tryLock: (fd) => {
        const file = this.#file(fd);
        if (file.lockedBy !== undefined && file.lockedBy !== fd) return false;
        file.lockedBy = fd;
        return true;
      },
      unlock: (fd) => {
        const file = this.#file(fd);
        if (file.lockedBy === fd) file.lockedBy = undefined;
      },
      makeDir: (path) => {
        const parent = this.#dir(dirname(path));
        if (parent.live.has(basename(path))) throw errno('EEXIST', path);
        this.#change(parent, 'add', basename(path), addEntry(basename(path), newDir()));
      },
      syncDir: (path) => {
        const dir = this.#dir(path);
        dir.durable = new Map(dir.live);
        dir.pending = [];
      },
      rename: (from, to) => this.#rename(from, to),
      remove: (path) => {
        const parent = this.#dir(dirname(path));
        const node = parent.live.get(basename(path));
        if (node?.kind !== 'file') throw errno('ENOENT', path);
        node.changedMs = this.nowMs;
        this.#change(parent, 'remove', basename(path), (entries) => entries.delete(basename(path)));
      },
      names: (path) => [...this.#dir(path).live.keys()],
      kill: () => {
        for (const fd of mine) this.#close(fd);
        mine.clear();
      },
    };
  }

  /** All changes that are not on disk yet, in a fixed order: the order in which {@link crash} asks for their fates. */
  pending(): readonly Pending[] {
    const found: Pending[] = [];
    walk(this.#root, '', (node, path) => {
      if (node.kind === 'dir') {
        for (const { what, name } of node.pending)
          found.push({ kind: 'entry', path: `${path}/${name}`, what });
        return;
      }
      for (const change of node.pending) {
        if ('size' in change) found.push({ kind: 'truncate', path, size: change.size });
        else found.push({ kind: 'write', path, offset: change.offset, length: change.bytes.length });
      }
    });
    return found;
  }

  /** The power fails: all processes end, and of each pending change remains what `fate` says. */
  crash(fate: (change: Pending, index: number) => Fate): void {
    const changes = this.pending();
    let next = 0;
    const nextFate = (): Fate => {
      const index = next;
      next += 1;
      const change = changes[index];
      return change === undefined ? 'lost' : fate(change, index);
    };
    walk(this.#root, '', (node) => {
      if (node.kind === 'dir') {
        for (const change of node.pending) if (nextFate() === 'kept') change.apply(node.durable);
      } else {
        for (const change of node.pending) node.durable = survive(node.durable, change, nextFate());
      }
    });
    this.#open.clear();
    this.#root = restarted(this.#root);
  }

  #openFile(path: string, mode: OpenMode): Fd {
    const parent = this.#dir(dirname(path));
    const name = basename(path);
    let node = parent.live.get(name);
    const makes = mode === 'new' || mode === 'private';
    if (node !== undefined && makes) throw errno('EEXIST', path);
    if (node === undefined && makes) {
      node = {
        kind: 'file',
        inode: this.#nextInode,
        changedMs: this.nowMs,
        live: Buffer.alloc(0),
        durable: Buffer.alloc(0),
        pending: [],
        lockedBy: undefined,
      };
      this.#nextInode += 1;
      this.#change(parent, 'add', name, addEntry(name, node));
    }
    if (node === undefined) throw errno('ENOENT', path);
    if (node.kind !== 'file') throw errno('EISDIR', path);
    const fd = this.#nextFd;
    this.#nextFd += 1;
    this.#open.set(fd, { node, mode });
    return fd;
  }

  #write(fd: Fd, bytes: Uint8Array, position: number): number {
    const file = this.#file(fd);
    const mode = this.#open.get(fd)?.mode;
    if (mode === 'read' || mode === 'plain') throw errno('EBADF', String(fd));
    const change = { offset: position, bytes: Buffer.from(bytes) };
    file.changedMs = this.nowMs;
    file.pending.push(change);
    file.live = written(file.live, change.offset, change.bytes);
    return bytes.length;
  }

  #close(fd: Fd): void {
    const file = this.#file(fd);
    if (file.lockedBy === fd) file.lockedBy = undefined;
    this.#open.delete(fd);
  }

  #rename(from: string, to: string): void {
    const parent = this.#dir(dirname(from));
    const node = parent.live.get(basename(from));
    if (node === undefined || dirname(from) !== dirname(to)) throw errno('ENOENT', from);
    this.#change(parent, 'rename', basename(to), (entries) => {
      entries.delete(basename(from));
      entries.set(basename(to), node);
    });
  }

  #change(
    dir: DirNode,
    what: EntryChange['what'],
    name: string,
    apply: (entries: Map<string, Node>) => void,
  ): void {
    apply(dir.live);
    dir.pending.push({ what, name, apply });
  }

  #file(fd: Fd): FileNode {
    const open = this.#open.get(fd);
    if (open === undefined) throw errno('EBADF', String(fd));
    return open.node;
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      node = node?.kind === 'dir' ? node.live.get(name) : undefined;
    }
    return node;
  }

  #dir(path: string): DirNode {
    const node = this.#find(path);
    if (node === undefined) throw errno('ENOENT', path);
    if (node.kind !== 'dir') throw errno('ENOTDIR', path);
    return node;
  }
}

function newDir(): DirNode {
  return { kind: 'dir', live: new Map(), durable: new Map(), pending: [] };
}

function addEntry(name: string, node: Node): (entries: Map<string, Node>) => void {
  return (entries) => entries.set(name, node);
}

function walk(node: Node, path: string, visit: (node: Node, path: string) => void): void {
  visit(node, path);
  if (node.kind === 'file') return;
  for (const name of [...node.live.keys()].sort()) {
    const child = node.live.get(name);
    if (child !== undefined) walk(child, `${path}/${name}`, visit);
  }
}

/** The tree as the platter has it: live is what is durable, nothing is pending, no lock is held. */
function restarted(dir: DirNode): DirNode {
  const entries = [...dir.durable].map(([name, node]): [string, Node] => {
    if (node.kind === 'dir') return [name, restarted(node)];
    const content = Buffer.from(node.durable);
    const fresh = { live: content, durable: content, pending: [], lockedBy: undefined };
    return [name, { ...node, ...fresh }];
  });
  return { kind: 'dir', live: new Map(entries), durable: new Map(entries), pending: [] };
}

function survive(durable: Buffer, change: FileChange, fate: Fate): Buffer {
  if (fate === 'lost') return durable;
  if ('size' in change) return fate === 'kept' ? resized(durable, change.size) : durable;
  if (fate === 'kept') return written(durable, change.offset, change.bytes);
  if (fate === 'zeros') return written(durable, change.offset, Buffer.alloc(change.bytes.length));
  return written(durable, change.offset, change.bytes.subarray(0, fate.torn));
}

function resized(data: Buffer, size: number): Buffer {
  return size <= data.length
    ? Buffer.from(data.subarray(0, size))
    : Buffer.concat([data, Buffer.alloc(size - data.length)]);
}

function written(data: Buffer, offset: number, bytes: Buffer): Buffer {
  const grown = Buffer.from(resized(data, Math.max(data.length, offset + bytes.length)));
  grown.set(bytes, offset);
  return grown;
}

function errno(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, ${path}`), { code });
}
