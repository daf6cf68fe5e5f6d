import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import { childEnv } from '../support/child_env.ts';
import { BINARY } from '../support/cli.ts';
import { historyOf, STORY, temporaryFile } from '../support/pack.ts';
import * as runs from '../support/runs.ts';
import { THOROUGH } from '../support/sized.ts';
import { type RawMember, rawZip } from '../zip/raw_zip.ts';
import {
  EVENTS,
  type Files,
  filesOf,
  jcs,
  LEDGER,
  MANIFEST,
  manifestFor,
  readText,
  STATE,
  withFile,
  without,
} from './forge.ts';

const MIB = 1024 * 1024;
/** What a verification may have for all that it makes of a pack. MiB. */
const HEAP = 200;

/** A pack of these members that fits in all digests, deflated as earlier programs wrote it. */
function bomb(files: Files, changes: Record<string, unknown> = {}): Buffer {
  const all = withFile(files, MANIFEST, jcs(manifestFor(files, changes)));
  return rawZip({ members: [...all].map(([name, data]) => deflated(name, data)) });
}

function deflated(name: string, data: Buffer): RawMember {
  const both = { method: 8, flags: 0, crc32: crc32(data), size: data.length };
  const central = { versionMadeBy: 0x0314 };
  return { name, data: deflateRawSync(data, { level: 9 }), both, central };
}

function repeated(text: string, bytes: number): Buffer {
  return Buffer.alloc(Math.floor(bytes / text.length) * text.length, text);
}

/** JSON of one array: `open`, `item` again and again with commas between, `close`. */
function list(open: string, item: string, close: string, bytes: number): Buffer {
  const items = repeated(`${item},`, bytes - open.length - close.length);
  return Buffer.concat([Buffer.from(open), items.subarray(0, -1), Buffer.from(close)]);
}

/** An object of many members, no two of one name. */
function manyMembers(bytes: number): Buffer {
  const names = Array.from({ length: Math.floor(bytes / 12) }, (_, i) => `"${(i + 1e6).toString(36)}":{}`);
  return Buffer.from(`{${names.sort().join(',')}}`);
}

const older = { producer_version: '1.2.0' };

function bombsOf(files: Files): Readonly<Record<string, () => Buffer>> {
  const bare = without(files, LEDGER);
  const proof = 'proof_records.jsonl';
  const inner = runs.runpackFiles();
  const run = (name: string, data: Buffer): Buffer => {
    const members = runs.resealed(withFile(inner, name, data));
    return rawZip({
      members: [...members].sort(([a], [b]) => (a < b ? -1 : 1)).map(([n, d]) => deflated(n, d)),
    });
  };
  return {
    'proof records of nothing but newlines': () => bomb(withFile(files, proof, repeated('\n', 100 * MIB))),
    'one line of proof records': () => bomb(withFile(files, proof, repeated('x', 100 * MIB))),
    'events that are none': () => bomb(withFile(bare, EVENTS, repeated('{}\n', 100 * MIB)), older),
    'one line of events': () => bomb(withFile(files, EVENTS, repeated('[', 100 * MIB))),
    'a line of events full of objects': () =>
      bomb(withFile(files, EVENTS, list('[', '{}', ']\n', 8 * MIB - 9))),
    'a state full of objects': () => bomb(withFile(files, STATE, list('[', '{}', ']', 16 * MIB - 9))),
    'a state full of lists': () => bomb(withFile(files, STATE, list('[', '[]', ']', 16 * MIB - 9))),
    'a state of many members': () => bomb(withFile(files, STATE, manyMembers(15 * MIB))),
    'a state that is deep': () => bomb(withFile(files, STATE, repeated('[', 16 * MIB - 9))),
    'a state that is one text': () => bomb(withFile(files, STATE, list('["', '\u00e9', '"]', 16 * MIB - 9))),
    'a state of 100 MiB': () => bomb(withFile(files, STATE, repeated('0', 100 * MIB))),
    'a manifest full of objects': () => {
      const list16 = list('{"contents":[', '{}', ']}', 16 * MIB - 9);
      return rawZip({ members: [deflated(MANIFEST, list16)] });
    },
    'many signatures': () => {
      const one = { alg: 'ed25519', sig: 'x', signed_digest: runs.digits('0') };
      const signatures = Array.from({ length: 50_000 }, (_, i) => ({
        ...one,
        key_id: String(i).padStart(64, '0'),
      }));
      return bomb(files, { signatures });
    },
    'events full of lists, each just under what is parsed whatever it holds': () => {
      const [first = '', ...rest] = readText(files, EVENTS).split('\n');
      const full = list('{"payload":[', '[]', ']}\n', 1.5 * MIB).toString();
      return bomb(withFile(files, EVENTS, [first, full.repeat(40), ...rest].join('\n')));
    },
    'a state and a ledger that are both large': () => {
      const approval = '{"actor":"a","created_at":"2026-12-01T06:15:34.806Z","reason":"o"}';
      const state = list('{"approvals":[', approval, ']}', 15 * MIB);
      const ledger = list('{"environment":{"rules":[', '"a"', ']}}', 9 * MIB);
      return bomb(withFile(withFile(files, STATE, state), LEDGER, ledger));
    },
    'long texts in the manifest': () => {
      const text = 'x'.repeat(3 * MIB);
      const signatures = [{ alg: text, key_id: runs.digits('1'), sig: 'x', signed_digest: runs.digits('0') }];
      const manifest = { ...manifestFor(files), source_ref: text, signatures };
      const contents = [{ path: text, sha256: runs.digits('a'), type: 'blob' }];
      return rawZip({ members: [deflated(MANIFEST, Buffer.from(jcs({ ...manifest, contents })))] });
    },
    'many members': () => {
      const many = Array.from(
        { length: 9_000 },
        (_, i) => [`m${i}`.padEnd(200, 'x'), Buffer.alloc(0)] as const,
      );
      return bomb(new Map([...files, ...many, ['manifest.json', Buffer.from('{}')]]));
    },
    'a central directory of long extra fields': () => {
      const extra = Buffer.alloc(65_000);
      const members = Array.from({ length: 500 }, (_, i): RawMember => {
        return { name: `m${i}`, data: Buffer.alloc(0), central: { extra } };
      });
      return rawZip({ members });
    },
    'an environment full of objects': () => run(runs.RUN, list('{"env":{"a":[', '{}', ']}}', 16 * MIB - 9)),
    'intents that are none': () => run(runs.INTENTS, repeated('{}\n', 90 * MIB)),
    'an intent full of objects': () => run(runs.INTENTS, list('{"args":{"a":[', '{}', ']}}\n', 9 * MIB)),
  };
}

describe(`H3: a bomb is refused with ${HEAP} MiB of memory, and in few words`, async () => {
  const bombs = bombsOf(filesOf(await historyOf(STORY)));
  const all = Object.entries(bombs);
  // Each takes a process seconds: every third here, all of them where there is time.
  for (const [what, make] of THOROUGH ? all : all.filter((_, index) => index % 3 === 0)) {
    test(what, () => {
      const file = temporaryFile(make());
      try {
        const args = [`--max-old-space-size=${HEAP}`, BINARY, 'pack', 'verify', file.path, '--json'];
        const ended = spawnSync(process.execPath, args, { env: childEnv(), maxBuffer: 64 * MIB });
        assert.equal(ended.status, 2, `${ended.signal} ${ended.stderr.toString('utf8').slice(-500)}`);
        assert.ok(ended.stdout.length < 256 * 1024, `${ended.stdout.length} bytes are said of it`);
        const { verify } = JSON.parse(ended.stdout.toString('utf8')) as { verify: { findings: unknown[] } };
        assert.ok(verify.findings.length > 0 && verify.findings.length <= 100);
      } finally {
        file.dispose();
      }
    });
  }
});
