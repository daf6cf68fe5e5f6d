import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, GaitError, invalidInput, ioFailure } from '../core/errors.ts';
import {
  generateKey,
  keyFileText,
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

const MAX_KEY_FILE_BYTES = 4096;

export function keyPaths(dir: string, prefix: string): KeyPaths {
  return { privateKey: join(dir, `${prefix}_private.key`), publicKey: join(dir, `${prefix}_public.key`) };
}

/**
 * Makes a pair of key files, each 0600, and answers the key. Throws `key_exists` rather than write over a key, unless
 * `force`; each file appears whole or not at all.
 */
export function createKeyFiles(paths: KeyPaths, force: boolean): SigningKey {
  const taken = [paths.privateKey, paths.publicKey].find((path) => !force && fs.existsSync(path));
  if (taken !== undefined) throw keyExists(taken);
  const key = generateKey();
  writeKeyFile(paths.publicKey, keyFileText(key.publicKey), force);
  writeKeyFile(paths.privateKey, keyFileText(key.encoded), force);
  return key;
}

/** The key that these files hold, made now if they are not there. */
export function keptKey(paths: KeyPaths): SigningKey {
  try {
    return createKeyFiles(paths, false);
  } catch (error) {
    if (error instanceof GaitError && error.code === 'key_exists')
      return readPrivateKey(paths.privateKey).key;
    throw error;
  }
}

/** A private key, and whether others than its owner may read the file. */
export function readPrivateKey(path: string): { readonly key: SigningKey; readonly exposed: boolean } {
  const { text, mode } = readKeyFile(path);
  return { key: parsePrivateKey(text, path), exposed: (mode & 0o077) !== 0 };
}

export function readPublicKey(path: string): PublicKey {
  return parsePublicKey(readKeyFile(path).text, path);
}

/** The public keys in a directory: every file whose name ends in `_public.key` or `.pub`, by name. */
export function publicKeyFiles(dir: string): string[] {
  try {
    const names = fs.readdirSync(dir).filter((name) => name.endsWith('_public.key') || name.endsWith('.pub'));
    return names.sort().map((name) => join(dir, name));
  } catch (error) {
    throw errnoOf(error) === 'ENOENT'
      ? fileNotFound(dir)
      : ioFailure(error, `reading the trusted keys of ${dir}`);
  }
}

function readKeyFile(path: string): { text: string; mode: number } {
  try {
    const { size, mode } = fs.statSync(path);
    if (size > MAX_KEY_FILE_BYTES) throw invalidInput('key_malformed', `${path} is no key: ${size} bytes`);
    return { text: fs.readFileSync(path, 'utf8'), mode };
  } catch (error) {
    throw errnoOf(error) === 'ENOENT' ? fileNotFound(path) : ioFailure(error, `reading the key ${path}`);
  }
}

function writeKeyFile(path: string, text: string, force: boolean): void {
  const temporary = join(dirname(path), `.${randomBytes(12).toString('hex')}.tmp`);
  try {
    fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const fd = fs.openSync(temporary, 'wx', 0o600);
    try {
      fs.writeSync(fd, text);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    // A link fails where the name is taken, and so cannot lose a key that someone else made meanwhile.
    if (force) fs.renameSync(temporary, path);
    else fs.linkSync(temporary, path);
  } catch (error) {
    throw errnoOf(error) === 'EEXIST' ? keyExists(path) : ioFailure(error, `writing the key ${path}`);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

function keyExists(path: string): GaitError {
  return invalidInput(
    'key_exists',
    `there is a key already: ${path}`,
    'Choose another --prefix, or replace it with --force.',
  );
}

function fileNotFound(path: string): GaitError {
  return invalidInput('file_not_found', `no such file: ${path}`);
}
