import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, GaitError, invalidInput, ioFailure } from '../core/errors.ts';
import {
  generateKey,
  keyFileText,
  looksLikeKey,
  type PublicKey,
  parsePrivateKey,
  parsePublicKey,
  type SigningKey,
} from './keys.ts';

/** Where the two halves of a pair are. */
export interface KeyPaths {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** A private key from a file, and whether others than its owner may read that file. */
export interface StoredKey {
  readonly key: SigningKey;
  readonly exposed: boolean;
}

const MAX_KEY_FILE_BYTES = 4096;
const MAX_SETTLINGS = 100;

export function keyPaths(dir: string, prefix: string): KeyPaths {
  return { privateKey: join(dir, `${prefix}_private.key`), publicKey: join(dir, `${prefix}_public.key`) };
}

/**
 * Makes a pair of key files, each 0600, and answers the key that stands there in the end. Throws `key_exists` rather
 * than write over a key, unless `force`. The private file decides: of several who make the same pair at once one wins,
 * and all of them leave the public half of the winner.
 */
export function createKeyFiles(paths: KeyPaths, force: boolean): SigningKey {
  for (const path of [paths.privateKey, paths.publicKey]) checkPlace(path, force);
  writeKeyFile(paths.privateKey, keyFileText(generateKey().encoded), force ? 'replace' : 'new');
  return settlePublicHalf(paths).key;
}

/** The key that these files hold, made now if they are not there. */
export function keptKey(paths: KeyPaths): StoredKey {
  try {
    return { key: createKeyFiles(paths, false), exposed: false };
  } catch (error) {
    if (!(error instanceof GaitError) || error.code !== 'key_exists') throw error;
    return settlePublicHalf(paths);
  }
}

/** Reads a private key file. */
export function readPrivateKey(path: string): StoredKey {
  const { text, mode } = readKeyFile(path);
  return { key: parsePrivateKey(text, path), exposed: (mode & 0o077) !== 0 };
}

export function readPublicKey(path: string): PublicKey {
  return parsePublicKey(readKeyFile(path).text, path);
}

/** The public keys in a directory: every file whose name ends in `_public.key` or `.pub`, by name. */
export function publicKeyFiles(dir: string): string[] {
  refuseKeyAsName(dir);
  try {
    const names = fs.readdirSync(dir).filter((name) => name.endsWith('_public.key') || name.endsWith('.pub'));
    return names.sort().map((name) => join(dir, name));
  } catch (error) {
    throw errnoOf(error) === 'ENOENT'
      ? fileNotFound(dir)
      : ioFailure(error, `reading the trusted keys of ${dir}`);
  }
}

/** A key on a command line is no secret any more; at least it is not repeated in an error. Throws `key_as_name`. */
export function refuseKeyAsName(name: string): void {
  if (!looksLikeKey(name)) return;
  const hint = 'Others can read what is on a command line: consider that key compromised, and make another.';
  throw invalidInput('key_as_name', 'a key stands where a file or a variable should be named', hint);
}

/** Writes the public half of the private key on disk until the two agree. */
function settlePublicHalf(paths: KeyPaths): StoredKey {
  for (let turn = 0; turn < MAX_SETTLINGS; turn += 1) {
    const stored = readPrivateKey(paths.privateKey);
    const text = keyFileText(stored.key.publicKey);
    if (readIfThere(paths.publicKey) === text) return stored;
    writeKeyFile(paths.publicKey, text, 'replace');
  }
  throw new GaitError({
    code: 'keys_contended',
    category: 'state_contention',
    message: `others keep replacing ${paths.privateKey}`,
    retryable: true,
  });
}

function checkPlace(path: string, force: boolean): void {
  let stat: fs.Stats | undefined;
  try {
    stat = fs.lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw ioFailure(error, `looking for ${path}`);
  }
  if (stat?.isDirectory() === true)
    throw invalidInput('path_unusable', `a directory stands in the place of ${path}`);
  if (stat !== undefined && !force) throw keyExists(path);
}

function readIfThere(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readKeyFile(path: string): { text: string; mode: number } {
  refuseKeyAsName(path);
  try {
    // Not blocking: to open a FIFO would wait for a writer.
    const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    try {
      const stat = fs.fstatSync(fd);
      if (!stat.isFile()) throw invalidInput('path_unusable', `not a file: ${path}`);
      const { mode } = stat;
      const buffer = Buffer.alloc(MAX_KEY_FILE_BYTES + 1);
      let size = 0;
      for (let count = -1; count !== 0 && size < buffer.length; size += count) {
        count = fs.readSync(fd, buffer, size, buffer.length - size, null);
      }
      if (size > MAX_KEY_FILE_BYTES) throw invalidInput('key_malformed', `${path} is too long for a key`);
      return { text: buffer.toString('utf8', 0, size), mode };
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    throw errnoOf(error) === 'ENOENT' ? fileNotFound(path) : ioFailure(error, `reading the key ${path}`);
  }
}

function writeKeyFile(path: string, text: string, place: 'new' | 'replace'): void {
  const dir = dirname(path);
  const temporary = join(dir, `.${randomBytes(12).toString('hex')}.tmp`);
  try {
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
    const fd = fs.openSync(temporary, 'wx', 0o600);
    try {
      fs.writeSync(fd, text);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    // A link fails where the name is taken, and so cannot lose a key that someone else made meanwhile.
    if (place === 'replace') fs.renameSync(temporary, path);
    else fs.linkSync(temporary, path);
    syncDirectory(dir);
  } catch (error) {
    throw writeFailure(error, path);
  } finally {
    removeIfThere(temporary);
  }
}

function writeFailure(error: unknown, path: string): GaitError {
  if (errnoOf(error) !== 'EEXIST') return ioFailure(error, `writing the key ${path}`);
  const isLink = error instanceof Error && 'syscall' in error && error.syscall === 'link';
  return isLink
    ? keyExists(path)
    : invalidInput('path_unusable', `a file stands in the place of ${dirname(path)}`);
}

function syncDirectory(dir: string): void {
  const fd = fs.openSync(dir, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function removeIfThere(path: string): void {
  try {
    fs.rmSync(path, { force: true });
  } catch {
    // What failed before says more.
  }
}

function keyExists(path: string): GaitError {
  const hint = 'Choose another --prefix; `gait keys init --force` replaces a pair.';
  return invalidInput('key_exists', `there is a key already: ${path}`, hint);
}

function fileNotFound(path: string): GaitError {
  return invalidInput('file_not_found', `no such file: ${path}`);
}
