import { createHash } from 'node:crypto';
import * as os from 'node:os';
import { Worker } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { type ByteSource, passOver } from './source.ts';

/** What a manifest and the headers of a zip say of content. */
export interface ContentDigest {
  readonly sha256: string;
  readonly crc32: number;
}

export function digestSource(source: ByteSource, onBytes: (count: number) => void = () => {}): ContentDigest {
  const hash = createHash('sha256');
  let crc = 0;
  for (const bytes of passOver(source)) {
    hash.update(bytes);
    crc = crc32(bytes, crc);
    onBytes(bytes.length);
  }
  return { sha256: hash.digest('hex'), crc32: crc };
}

/**
 * Digests an open file, a large one in a thread of its own, so that the caller can work meanwhile. Whoever closes the
 * file has to wait for the answer first. `onBytes` is told at the end of a large one.
 */
export async function digestFile(
  fd: number,
  source: ByteSource,
  onBytes: (count: number) => void,
): Promise<ContentDigest> {
  const { size } = source;
  if (!worthAThread(size)) return digestSource(source, onBytes);
  const thread = new DigestThread(fd);
  thread.advance(size);
  const digest = await thread.end();
  onBytes(size);
  return digest;
}

/** The digest of a file of about `size` bytes while it is being written. */
export interface RunningDigest {
  /** These bytes have been written at the end. */
  update(bytes: Buffer): void;
  /** SHA-256 of the whole; the file has to stay open until it is there. To be called even when writing failed. */
  end(): Promise<string>;
}

export function digestWritten(fd: number, size: number): RunningDigest {
  if (!worthAThread(size)) {
    const hash = createHash('sha256');
    return { update: (bytes) => void hash.update(bytes), end: async () => hash.digest('hex') };
  }
  const thread = new DigestThread(fd);
  let written = 0;
  return {
    update(bytes) {
      written += bytes.length;
      thread.advance(written);
    },
    end: async () => (await thread.end()).sha256,
  };
}

/** A thread takes about 40 ms to start: with less than this it would be the slower way. */
const WORTH_A_THREAD = 64 * 1024 * 1024;

function worthAThread(size: number): boolean {
  return size >= WORTH_A_THREAD && os.availableParallelism() > 1;
}

/** Digests a file as far as it may, in a thread of its own. */
class DigestThread {
  /** How many KiB may be read, rounded down; then whether that is all, and how many bytes there are beside them. */
  readonly #shared = new Int32Array(new SharedArrayBuffer(12));
  readonly #answer: Promise<ContentDigest>;

  constructor(fd: number) {
    // Its own text, not a file: it is the same in the sources, the library and the bundle of the command.
    const worker = new Worker(THREAD, { eval: true, workerData: { fd, shared: this.#shared } });
    this.#answer = new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    this.#answer.catch(() => {}); // whoever ends it is told
  }

  /** So many bytes may be read. */
  advance(bytes: number): void {
    Atomics.store(this.#shared, 2, bytes % 1024);
    Atomics.store(this.#shared, 0, Math.floor(bytes / 1024));
    Atomics.notify(this.#shared, 0);
  }

  end(): Promise<ContentDigest> {
    Atomics.store(this.#shared, 1, 1);
    Atomics.notify(this.#shared, 0);
    return this.#answer;
  }
}

const THREAD = `
const { createHash } = require('node:crypto');
const { readSync } = require('node:fs');
const { parentPort, workerData: { fd, shared } } = require('node:worker_threads');
const { crc32 } = require('node:zlib');
const hash = createHash('sha256');
const place = Buffer.allocUnsafeSlow(256 * 1024);
let at = 0;
let crc = 0;
for (;;) {
  const ended = Atomics.load(shared, 1) === 1;
  const pages = Atomics.load(shared, 0);
  const size = pages * 1024 + (ended ? Atomics.load(shared, 2) : 0);
  if (at >= size) {
    if (ended) break;
    Atomics.wait(shared, 0, pages, 100);
    continue;
  }
  const count = readSync(fd, place, 0, Math.min(place.length, size - at), at);
  if (count === 0) break;
  const bytes = place.subarray(0, count);
  hash.update(bytes);
  crc = crc32(bytes, crc);
  at += count;
}
parentPort.postMessage({ sha256: hash.digest('hex'), crc32: crc });
`;
