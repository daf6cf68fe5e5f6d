import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { sha256Hex } from '../../src/core/digest.ts';
import { sourceOf } from '../../src/files/source.ts';
import { verifyPack } from '../../src/pack/verify.ts';
import { readContainer, readMember } from '../../src/zip/reader.ts';
import { childEnv } from '../support/child_env.ts';
import { flipped } from '../support/keys.ts';
import { historyOf, packBytes, STORY, temporaryFile } from '../support/pack.ts';
import * as runs from '../support/runs.ts';
import { DOS, foreignMember, INFO_ZIP, PIPED, PYTHON } from '../zip/foreign_form.ts';
import { rawZip } from '../zip/raw_zip.ts';
import { type Files, zipFiles } from './forge.ts';

/** What a reader sees: `name sha256`, sorted; undefined where it refuses the file. */
type Reader = (path: string) => string[] | undefined;

function run(command: string, args: readonly string[]): Buffer | undefined {
  const { status, stdout } = spawnSync(command, args, { env: childEnv(), maxBuffer: 64 * 1024 * 1024 });
  return status === 0 ? stdout : undefined;
}

const PYTHON_READER = `import hashlib, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
for i in z.infolist(): print(i.filename, hashlib.sha256(z.read(i)).hexdigest())`;

function lines(bytes: Buffer | undefined): string[] | undefined {
  return bytes
    ?.toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

function unzipped(path: string): string[] | undefined {
  const names = lines(run('unzip', ['-Z1', path]));
  return names?.map((name) => `${name} ${sha256Hex(run('unzip', ['-p', path, name]) ?? Buffer.of())}`).sort();
}

/** Java lists names and sizes: its own digests would take a program of ours. */
function jar(path: string): string[] | undefined {
  return lines(run('jar', ['tf', path]));
}

const READERS: Readonly<Record<string, Reader>> = {
  'zipfile of Python': (path) => lines(run('python3', ['-c', PYTHON_READER, path])),
  'unzip of Info-ZIP': unzipped,
  'jar of Java': jar,
};
const PROBES: Readonly<Record<string, readonly [string, ...string[]]>> = {
  'zipfile of Python': ['python3', '-c', 'import zipfile'],
  'unzip of Info-ZIP': ['unzip', '-v'],
  'jar of Java': ['jar', '--version'],
};

function ours(bytes: Buffer): string[] | undefined {
  const container = readContainer(sourceOf(bytes));
  if (verifyPack(container).verification.findings.length > 0) return undefined;
  return container.members
    .map(
      (member) =>
        `${member.name} ${sha256Hex(readMember(container, member, { keep: true }).bytes ?? Buffer.of())}`,
    )
    .sort();
}

async function packs(): Promise<Readonly<Record<string, Buffer>>> {
  const run: Files = runs.runPackFiles();
  const forms = { PYTHON, INFO_ZIP, PIPED, DOS };
  const foreign = Object.entries(forms).map(([name, form]) => {
    return [
      name,
      rawZip({ members: [...run].map(([one, bytes]) => foreignMember(one, bytes, form)) }),
    ] as const;
  });
  return {
    'a job pack': await packBytes(await historyOf(STORY)),
    'a run pack': zipFiles(run),
    'a runpack as Go writes it': runs.earlierZip(runs.runpackFiles()),
    ...Object.fromEntries(foreign),
  };
}

describe('other readers of zips see what we see in every pack that verifies', () => {
  for (const [reader, read] of Object.entries(READERS)) {
    const [command, ...args] = PROBES[reader] ?? ['false'];
    const skip = run(command, args) === undefined && `there is no ${command} on this machine`;
    const seen = (bytes: Buffer): string[] | undefined => {
      const file = temporaryFile(bytes);
      const found = read(file.path);
      file.dispose();
      return found;
    };
    const alike = (all: readonly string[]): string[] =>
      reader.startsWith('jar') ? all.map((line) => line.split(' ')[0] ?? '') : [...all];

    test(`${reader}: each way to write them`, { skip }, async () => {
      for (const [name, bytes] of Object.entries(await packs())) {
        const own = ours(bytes);
        assert.ok(own !== undefined && own.length > 2, `${name} verifies`);
        assert.deepEqual(seen(bytes), alike(own), name);
      }
    });

    test(`${reader}: after a flip that nothing found`, { skip }, async () => {
      const { PYTHON: bytes = Buffer.of() } = await packs();
      let tried = 0;
      for (let bit = 0; bit < bytes.length * 8 && tried < 12; bit += 61) {
        const other = flipped(bytes, bit);
        const own = ours(other);
        if (own === undefined) continue;
        tried += 1;
        const found = seen(other);
        // A reader may be more careful than we are with what is no content, and never see something else.
        if (found !== undefined) assert.deepEqual(found, alike(own), `bit ${bit}`);
      }
      assert.ok(tried > 0, 'some flips change no content');
    });
  }
});
