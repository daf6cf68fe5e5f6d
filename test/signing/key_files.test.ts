import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  createKeyFiles,
  type KeyPaths,
  keptKey,
  keyPaths,
  publicKeyFiles,
  readPrivateKey,
  readPublicKey,
} from '../../src/signing/key_files.ts';
import { keyFileText, keyIdOf } from '../../src/signing/keys.ts';
import { GOLDEN_KEY_ID, GOLDEN_PUBLIC_FILE, GOLDEN_SEED, numberedKey, privateText } from '../support/keys.ts';
import { gaitError } from '../support/refusals.ts';

let dir: string;
let paths: KeyPaths;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'gait-keys-'));
  paths = keyPaths(join(dir, 'made', 'keys'), 'gait');
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

const malformed = gaitError('key_malformed', 'invalid_input');
const textOf = (path: string): string => fs.readFileSync(path, 'latin1');
const modeOf = (path: string): string => (fs.statSync(path).mode & 0o777).toString(8);

function written(text: string | Buffer): string {
  const path = join(dir, 'written.key');
  fs.writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** Every file and link below the directory with what it holds. */
function everything(): string[][] {
  const entries = fs.readdirSync(dir, { recursive: true, withFileTypes: true });
  const shown = entries.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return entry.isFile() ? [path, textOf(path)] : [path, entry.isDirectory() ? 'a folder' : 'a link'];
  });
  return shown.sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
}

describe('a new pair', () => {
  test('is two lines of base64, seed ‖ public and public', () => {
    const key = createKeyFiles(paths, false);
    const [secret, shared] = [textOf(paths.privateKey), textOf(paths.publicKey)];
    assert.match(secret, /^[A-Za-z0-9+/]{86}==\n$/);
    assert.match(shared, /^[A-Za-z0-9+/]{43}=\n$/);
    assert.equal(secret, privateText(Buffer.from(secret, 'base64').subarray(0, 32)));
    assert.equal(keyIdOf(Buffer.from(shared, 'base64')), key.keyId);
    assert.equal(readPrivateKey(paths.privateKey).key.keyId, key.keyId);
    assert.ok(readPublicKey(paths.publicKey).equals(key.publicKey));
  });

  test('is named by its prefix, and alone in its folder', () => {
    createKeyFiles(paths, false);
    assert.deepEqual(fs.readdirSync(join(dir, 'made', 'keys')).sort(), [
      'gait_private.key',
      'gait_public.key',
    ]);
  });

  test('is another one every time', () => {
    const ids = ['a', 'b', 'c'].map((prefix) => createKeyFiles(keyPaths(dir, prefix), false).keyId);
    assert.equal(new Set(ids).size, 3);
  });

  for (const mask of [0o000, 0o022, 0o077]) {
    test(`is its owner’s alone under umask ${mask.toString(8)}`, (t) => {
      const before = process.umask(mask);
      t.after(() => process.umask(before));
      createKeyFiles(paths, false);
      createKeyFiles(paths, true);
      assert.deepEqual([modeOf(paths.privateKey), modeOf(paths.publicKey)], ['600', '600']);
      assert.equal(modeOf(join(dir, 'made', 'keys')), '700');
      assert.equal(readPrivateKey(paths.privateKey).exposed, false);
    });
  }
});

describe('an existing pair', () => {
  test('is not written over', () => {
    createKeyFiles(paths, false);
    const before = everything();
    assert.throws(() => createKeyFiles(paths, false), gaitError('key_exists', 'invalid_input'));
    assert.deepEqual(everything(), before);
  });

  for (const half of ['privateKey', 'publicKey'] as const) {
    test(`is not written over if only its ${half} is there`, () => {
      createKeyFiles(paths, false);
      fs.rmSync(paths[half]);
      const before = everything();
      assert.throws(() => createKeyFiles(paths, false), gaitError('key_exists', 'invalid_input'));
      assert.deepEqual(everything(), before);
    });

    test(`is not half made where its ${half} would be a link to nowhere`, () => {
      fs.mkdirSync(join(dir, 'made', 'keys'), { recursive: true });
      fs.symlinkSync('nowhere', paths[half]);
      const before = everything();
      assert.throws(() => createKeyFiles(paths, false), gaitError('key_exists', 'invalid_input'));
      assert.deepEqual(everything(), before);
    });

    test(`is not half replaced where its ${half} cannot be`, () => {
      createKeyFiles(paths, false);
      fs.rmSync(paths[half]);
      fs.mkdirSync(paths[half]);
      const before = everything();
      assert.throws(() => createKeyFiles(paths, true), gaitError('path_unusable', 'invalid_input'));
      assert.deepEqual(everything(), before);
    });
  }

  test('is replaced by force, both halves, 0600 even where they were not', () => {
    const old = createKeyFiles(paths, false);
    for (const path of [paths.privateKey, paths.publicKey]) fs.chmodSync(path, 0o666);
    const { keyId } = createKeyFiles(paths, true);
    assert.notEqual(keyId, old.keyId);
    assert.equal(readPrivateKey(paths.privateKey).key.keyId, keyId);
    assert.equal(keyIdOf(readPublicKey(paths.publicKey)), keyId);
    assert.deepEqual([modeOf(paths.privateKey), modeOf(paths.publicKey)], ['600', '600']);
    assert.equal(fs.readdirSync(join(dir, 'made', 'keys')).length, 2);
  });

  test('that is kept is made once and then read', () => {
    const { keyId } = keptKey(paths).key;
    const before = everything();
    assert.equal(keptKey(paths).key.keyId, keyId);
    assert.deepEqual(everything(), before);
  });
});

describe('where no keys can be made', () => {
  for (const force of [false, true]) {
    test(`because a file is in place of the folder${force ? ', by force' : ''}`, () => {
      fs.writeFileSync(join(dir, 'made'), 'precious');
      for (const below of [join(dir, 'made'), join(dir, 'made', 'keys')]) {
        const make = () => createKeyFiles(keyPaths(below, 'gait'), force);
        assert.throws(make, gaitError('path_unusable', 'invalid_input'));
      }
      assert.equal(textOf(join(dir, 'made')), 'precious');
    });
  }
});

describe('a private key file', () => {
  const text = privateText(GOLDEN_SEED);
  const line = text.trim();
  const [seed, shared] = [GOLDEN_SEED, Buffer.from(GOLDEN_PUBLIC_FILE, 'base64')];

  test('may have white space around its line', () => {
    for (const spaced of [line, text, `\r\n\t ${line} \t\r\n\n`]) {
      assert.equal(readPrivateKey(written(spaced)).key.keyId, GOLDEN_KEY_ID);
    }
  });

  const REFUSED: Record<string, string> = {
    'a break within the line': `${line.slice(0, 44)}\n${line.slice(44)}\n`,
    'a space within the line': `${line.slice(0, 44)} ${line.slice(44)}\n`,
    'two lines': text + text,
    'no padding': line.replace(/=+$/, ''),
    'the URL alphabet': Buffer.from(line, 'base64').toString('base64url').padEnd(88, '='),
    'a byte order mark': `\ufeff${text}`,
    'spare bits that are not zero': line.replace(/A==$/, 'B=='),
    'hexadecimal digits': `${Buffer.from(line, 'base64').toString('hex')}\n`,
    'the seed alone': keyFileText(seed),
    '63 bytes': keyFileText(Buffer.concat([seed, shared]).subarray(0, 63)),
    '65 bytes': keyFileText(Buffer.concat([seed, shared, Buffer.of(0)])),
    'another public half': keyFileText(Buffer.concat([seed, numberedKey(1).publicKey])),
    'the public half first': keyFileText(Buffer.concat([shared, seed])),
    'no public half': keyFileText(Buffer.concat([seed, Buffer.alloc(32)])),
    'a PEM envelope': `-----BEGIN PRIVATE KEY-----\n${line}\n-----END PRIVATE KEY-----\n`,
    nothing: '',
    'white space': ' \n',
    'far too much in it': `${' '.repeat(1 << 20)}${text}`,
  };
  for (const [what, content] of Object.entries(REFUSED)) {
    test(`with ${what} is refused, and what is in it is not told`, () => {
      const path = written(content);
      assert.throws(() => readPrivateKey(path), malformed);
      assert.throws(
        () => readPrivateKey(path),
        ({ message }: Error) => message.includes(path) && !message.includes(line.slice(0, 20)),
      );
    });
  }

  test('says that others than its owner may read or write it', () => {
    const path = written(text);
    for (const bits of [0o600, 0o400, 0o700, 0o640, 0o604, 0o660, 0o644, 0o620, 0o777]) {
      fs.chmodSync(path, bits);
      assert.equal(readPrivateKey(path).exposed, (bits & 0o077) !== 0, bits.toString(8));
    }
  });

  test('is the file at the end of a link, and so are its permissions', () => {
    fs.chmodSync(written(text), 0o640);
    fs.symlinkSync('written.key', join(dir, 'link.key'));
    const { key, exposed } = readPrivateKey(join(dir, 'link.key'));
    assert.deepEqual([key.keyId, exposed], [GOLDEN_KEY_ID, true]);
  });
});

describe('a public key file', () => {
  test('may have white space around its line', () => {
    for (const text of [GOLDEN_PUBLIC_FILE, ` \t\r\n${GOLDEN_PUBLIC_FILE}\r\n`]) {
      assert.equal(keyIdOf(readPublicKey(written(text))), GOLDEN_KEY_ID);
    }
  });

  test('is of 32 bytes: a private key is not taken for one', () => {
    for (const content of [privateText(GOLDEN_SEED), keyFileText(Buffer.alloc(31)), 'ssh-ed25519 AAAA', '']) {
      assert.throws(() => readPublicKey(written(content)), malformed);
    }
  });
});

describe('a key that cannot be read', () => {
  for (const read of [readPrivateKey, readPublicKey]) {
    test(`by ${read.name} has a typed reason`, () => {
      fs.mkdirSync(join(dir, 'folder.key'));
      assert.throws(() => read(join(dir, 'none.key')), gaitError('file_not_found', 'invalid_input'));
      assert.throws(() => read(join(dir, 'folder.key')), gaitError('path_unusable', 'invalid_input'));
      const below = join(written('x'), 'a.key');
      assert.throws(() => read(below), gaitError('path_unusable', 'invalid_input'));
    });
  }
});

describe('a folder of public keys', () => {
  test('has them by name, and nothing else', () => {
    for (const name of ['b_public.key', 'a.pub', 'a_private.key', 'notes.txt', 'c.pub.bak']) {
      fs.writeFileSync(join(dir, name), '');
    }
    const names = publicKeyFiles(dir).map((path) => path.slice(dirname(path).length + 1));
    assert.deepEqual(names, ['a.pub', 'b_public.key']);
  });

  test('that is not there, or is a file, has a typed reason', () => {
    assert.throws(() => publicKeyFiles(join(dir, 'none')), gaitError('file_not_found', 'invalid_input'));
    assert.throws(() => publicKeyFiles(written('')), gaitError('path_unusable', 'invalid_input'));
  });
});

test('F18: a key in PEM is told as such', () => {
  const pem = '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n';
  assert.throws(() => readPublicKey(written(pem)), /is in PEM; what is taken is base64 of 32 bytes/);
});
