import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { writeFileAtomically } from '../../src/files/atomic_file.ts';
import { gaitError } from '../support/refusals.ts';

const NEW = Buffer.from('new');
const NOBODY = 65_534;

function temporaryDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'gait-atomic-'));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

/** Gives up root, whom file modes do not bind, until the test ends; answers why that cannot be done. */
function becomeNobody(t: TestContext): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  try {
    process.seteuid?.(NOBODY);
    t.after(() => process.seteuid?.(0));
    return undefined;
  } catch (error) {
    return `root, and cannot be anyone else: ${String(error)}`;
  }
}

describe('writeFileAtomically', () => {
  test('writes a file of mode 0600, in folders that it makes, and leaves nothing else', async (t) => {
    const dir = temporaryDir(t);
    const path = join(dir, 'made', 'here', 'pack.zip');
    await writeFileAtomically(path, NEW);
    assert.deepEqual(readFileSync(path), NEW);
    assert.equal(modeOf(path), 0o600);
    assert.equal(modeOf(join(dir, 'made')), 0o700);
    assert.deepEqual(readdirSync(join(dir, 'made', 'here')), ['pack.zip']);
  });

  test('replaces a file, whatever its mode was', async (t) => {
    const dir = temporaryDir(t);
    const path = join(dir, 'pack.zip');
    writeFileSync(path, 'old and longer than new', { mode: 0o644 });
    await writeFileAtomically(path, NEW);
    assert.deepEqual(readFileSync(path), NEW);
    assert.equal(modeOf(path), 0o600);
    assert.deepEqual(readdirSync(dir), ['pack.zip']);
  });

  test('at once from many sides leaves one of them whole', async (t) => {
    const dir = temporaryDir(t);
    const path = join(dir, 'pack.zip');
    const contents = Array.from({ length: 20 }, (_, i) => Buffer.alloc(50_000, `${i}|`));
    await Promise.all(contents.map((bytes) => writeFileAtomically(path, bytes)));
    assert.ok(contents.some((bytes) => bytes.equals(readFileSync(path))));
    assert.deepEqual(readdirSync(dir), ['pack.zip']);
  });

  test('refuses a folder that cannot be written, and leaves the old file', async (t) => {
    const dir = temporaryDir(t);
    const path = join(dir, 'pack.zip');
    writeFileSync(path, 'old');
    chmodSync(dir, 0o555);
    const reason = becomeNobody(t);
    if (reason !== undefined) return t.skip(reason);
    await assert.rejects(writeFileAtomically(path, NEW), gaitError('access_denied', 'io_failure'));
    process.seteuid?.(process.getuid?.() ?? NOBODY);
    chmodSync(dir, 0o755);
    assert.equal(readFileSync(path, 'utf8'), 'old');
    assert.deepEqual(readdirSync(dir), ['pack.zip']);
  });

  test('refuses to take the place of a folder, and leaves no temporary file', async (t) => {
    const dir = temporaryDir(t);
    const path = join(dir, 'pack.zip');
    mkdirSync(path);
    writeFileSync(join(path, 'inside'), 'old');
    await assert.rejects(writeFileAtomically(path, NEW), gaitError('path_unusable', 'invalid_input'));
    assert.deepEqual(readdirSync(dir), ['pack.zip']);
    assert.deepEqual(readdirSync(path), ['inside']);
  });

  test('refuses a folder that is a file', async (t) => {
    const dir = temporaryDir(t);
    writeFileSync(join(dir, 'file'), 'old');
    const written = writeFileAtomically(join(dir, 'file', 'pack.zip'), NEW);
    await assert.rejects(written, gaitError('io_error', 'io_failure'));
    assert.equal(readFileSync(join(dir, 'file'), 'utf8'), 'old');
  });

  test('writes under any name that the file system takes', async (t) => {
    const dir = temporaryDir(t);
    const path = join(dir, `${'p'.repeat(251)}.zip`);
    await writeFileAtomically(path, NEW);
    assert.deepEqual(readFileSync(path), NEW);
  });
});
