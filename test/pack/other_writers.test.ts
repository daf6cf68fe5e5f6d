import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { verifyPack } from '../../src/pack/verify.ts';
import { childEnv } from '../support/child_env.ts';
import { numberedKey, trusting } from '../support/keys.ts';
import { codesOf, historyOf, packBytes, STORY, withContainer } from '../support/pack.ts';
import * as runs from '../support/runs.ts';
import { DOS, foreignMember, INFO_ZIP, PIPED, PYTHON } from '../zip/foreign_form.ts';
import { rawZip } from '../zip/raw_zip.ts';
import { type Files, forge, MANIFEST, manifestFor, zipFiles } from './forge.ts';

/** Runs a program in a folder that holds these files, and answers the zip that it made of them. */
function zippedBy(files: Files, command: string, args: readonly string[]): Buffer {
  const dir = mkdtempSync(join(tmpdir(), 'gait-zip-'));
  try {
    for (const [name, bytes] of files) {
      mkdirSync(dirname(join(dir, 'in', name)), { recursive: true });
      writeFileSync(join(dir, 'in', name), bytes);
    }
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: join(dir, 'in'), env: childEnv() });
    assert.equal(status, 0, stderr.toString('utf8'));
    return stdout.length > 0 && args.includes('-') ? stdout : readFileSync(join(dir, 'out.zip'));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const hasProgram = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

/** Ways in which a script of Python packs a folder. */
const PYTHON_WAYS: Readonly<Record<string, string>> = {
  'writestr by name': "z.writestr(n, open(n,'rb').read())",
  'write of a file': 'z.write(n)',
  'write, deflated at level 9': 'z.write(n, compress_type=zipfile.ZIP_DEFLATED, compresslevel=9)',
  'a ZipInfo with mode 0644':
    "i=zipfile.ZipInfo(n); i.external_attr=0o644<<16; z.writestr(i, open(n,'rb').read())",
  'a ZipInfo of DOS':
    "i=zipfile.ZipInfo(n,(2026,2,14,6,0,0)); i.create_system=0; i.external_attr=0x20; z.writestr(i, open(n,'rb').read(), zipfile.ZIP_DEFLATED)",
};

function python(way: string): string {
  return `import os, zipfile
z = zipfile.ZipFile('../out.zip', 'w')
for d, _, names in os.walk('.'):
    for name in names:
        n = os.path.relpath(os.path.join(d, name), '.')
        ${way}
z.close()`;
}

const ZIP_WAYS: Readonly<Record<string, readonly string[]>> = {
  'without folders': ['-q', '-r', '-D', '../out.zip', '.'],
  'without extra fields': ['-q', '-r', '-D', '-X', '../out.zip', '.'],
  stored: ['-q', '-r', '-D', '-0', '../out.zip', '.'],
  'at level 9': ['-q', '-r', '-D', '-9', '../out.zip', '.'],
};

let packs: Readonly<Record<string, Files>>;
before(async () => {
  const job = await withContainer(await packBytes(await historyOf(STORY)), ({ members, source }) => {
    return new Map(
      members.map(({ name, dataOffset, size }) => [name, source.read(dataOffset, size)] as const),
    );
  });
  packs = { job, run: runs.runPackFiles(), runpack: runs.runpackFiles() };
});

async function verifies(files: Files, make: (files: Files) => Buffer): Promise<void> {
  assert.deepEqual(await codesOf(make(files)), []);
}

describe('F4: a pack by any writer of zips verifies if its content does', () => {
  for (const type of ['job', 'run', 'runpack']) {
    const files = (): Files => packs[type] ?? new Map();
    for (const [how, form] of Object.entries({ PYTHON, INFO_ZIP, PIPED, DOS })) {
      test(`${type}, by hand, as ${how}`, () =>
        verifies(files(), (all) => {
          return rawZip({
            members: [...all].reverse().map(([name, data]) => foreignMember(name, data, form)),
          });
        }));
    }
    const noPython = !hasProgram('python3', '-c', 'import zipfile') && 'there is no python3';
    for (const [how, way] of Object.entries(PYTHON_WAYS)) {
      test(`${type}, by Python: ${how}`, { skip: noPython }, () =>
        verifies(files(), (all) => zippedBy(all, 'python3', ['-c', python(way)])),
      );
    }
    const noZip = !hasProgram('zip', '-v') && 'there is no zip';
    for (const [how, args] of Object.entries(ZIP_WAYS)) {
      test(`${type}, by Info-ZIP: ${how}`, { skip: noZip }, () =>
        verifies(files(), (all) => zippedBy(all, 'zip', args)),
      );
    }
  }

  test('a runpack by another writer in a run pack by another', async () => {
    const foreign = (all: Files): Buffer =>
      rawZip({ members: [...all].map(([name, data]) => foreignMember(name, data, INFO_ZIP)) });
    const inner = foreign(runs.runpackFiles());
    const { source_ref } = runs.packManifestIn(runs.runPackFiles());
    const outer = new Map(runs.runPackFiles()).set(runs.SOURCE, inner);
    outer.delete(MANIFEST);
    const sealed = await withContainer(forgeRun(outer, source_ref), ({ members, source }) => {
      return new Map(
        members.map(({ name, dataOffset, size }) => [name, source.read(dataOffset, size)] as const),
      );
    });
    await verifies(sealed, foreign);
  });

  test('its content changed, it is refused as ever', async () => {
    const job = new Map(packs['job']);
    job.set('job_state.json', Buffer.from('{}'));
    const members = [...job].map(([name, data]) => foreignMember(name, data, INFO_ZIP));
    assert.deepEqual(await codesOf(rawZip({ members })), ['digest_mismatch']);
  });
});

function forgeRun(files: Files, source_ref: string): Buffer {
  return forge(files, manifestFor(files, { pack_type: 'run', source_ref }));
}

describe('F4: a strict reader wants the container as gait or the programs before it write it', () => {
  const policy = { strict: true, trust: trusting(numberedKey(1)) };

  test('container_style names the first byte that is another', async () => {
    const sorted = [...(packs['job'] ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    const bytes = rawZip({ members: sorted.map(([name, data]) => foreignMember(name, data, PYTHON)) });
    const { verification } = await withContainer(bytes, (container) => verifyPack(container, policy));
    const [finding, ...others] = verification.findings;
    assert.deepEqual(others, []);
    // Byte 6 of the first local header: gait says there that the name is UTF-8.
    assert.deepEqual([finding?.layer, finding?.code, finding?.offset], ['container', 'container_style', 7]);
  });

  test('of the runpack in a run pack too', async () => {
    const { source_ref } = runs.packManifestIn(runs.runPackFiles());
    const inner = [...runs.runpackFiles()].sort(([a], [b]) => (a < b ? -1 : 1));
    const foreign = rawZip({ members: inner.map(([name, data]) => foreignMember(name, data, PYTHON)) });
    const outer = new Map(runs.runPackFiles()).set(runs.SOURCE, foreign);
    outer.delete(MANIFEST);
    const pack = forgeRun(outer, source_ref);
    assert.deepEqual(runs.codesIn(pack, {}), []);
    assert.deepEqual(runs.codesIn(pack, policy), ['container_style']);
  });

  test('nothing is found in those', () => {
    for (const type of ['job', 'run', 'runpack']) {
      const all = packs[type] ?? new Map();
      for (const bytes of [zipFiles(all), runs.earlierZip(all)])
        assert.deepEqual(runs.codesIn(bytes, policy), []);
    }
  });
});
