import { constants, crc32, deflateRawSync } from 'node:zlib';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { sourceOf } from '../../src/files/source.ts';
import { memberOf } from '../../src/pack/build.ts';
import { buildRunPack } from '../../src/pack/kinds/run/build.ts';
import type { PackManifest } from '../../src/pack/manifest.ts';
import type { VerificationPolicy, VerifiedPack } from '../../src/pack/verified.ts';
import { verifyPack } from '../../src/pack/verify.ts';
import type { CapturedRun } from '../../src/run/documents.ts';
import { type Recorded, type RecordOptions, recordRun } from '../../src/run/record.ts';
import { buildRunpack } from '../../src/run/runpack.ts';
import type { SigningKey } from '../../src/signing/keys.ts';
import { readContainer } from '../../src/zip/reader.ts';
import {
  type Document,
  type Files,
  jcs,
  patched,
  readDocument,
  readText,
  sha256,
  withFile,
  zipFiles,
} from '../pack/forge.ts';
import { type RawMember, rawZip } from '../zip/raw_zip.ts';
import { jsonValue } from './json.ts';
import { assertConforms, PRODUCER } from './pack.ts';
import fc from './property.ts';

export const NOW = '2026-02-14T06:00:00Z';
export const RUN_ID = 'run_1';
export const MACHINE: JsonObject = { arch: 'amd64', os: 'linux', runtime: 'node' };

export const RUN_MANIFEST = 'manifest.json';
export const RUN = 'run.json';
export const INTENTS = 'intents.jsonl';
export const RESULTS = 'results.jsonl';
export const REFS = 'refs.json';
export const SOURCE = 'source/runpack.zip';
export const RUN_PAYLOAD = 'run_payload.json';
export const ENVELOPE = 'context_envelope.json';

/** 64 hexadecimal digits, the same one each time. */
export function digits(digit: string): string {
  return digit.repeat(64);
}

export const RECEIPT: JsonObject = {
  ref_id: 'doc_b',
  source_type: 'http',
  source_locator: 'https://example.test/b',
  query_digest: digits('3'),
  content_digest: digits('4'),
  retrieved_at: '2026-02-14T05:59:00Z',
  redaction_mode: 'reference',
};

/** The input of `run record`. */
export interface RunInput extends JsonObject {
  readonly run: JsonObject;
  readonly intents: readonly JsonObject[];
  readonly results: readonly JsonObject[];
  readonly refs: JsonObject;
}

/** What an agent says of its run: two calls, one of which failed, and what it read. */
export const INPUT: RunInput = {
  run: {
    run_id: RUN_ID,
    created_at: NOW,
    producer_version: PRODUCER,
    timeline: [{ event: 'tool_call', ts: NOW, ref: 'read_1' }],
  },
  intents: [
    { intent_id: 'read_1', tool_name: 'db.read', args: { table: 'žluťoučký', rows: [1, 2.5, 1e21] } },
    { intent_id: 'write_1', tool_name: 'db.write', args: { table: 'target' } },
  ],
  results: [
    { intent_id: 'read_1', status: 'ok', result: { rows: 40 } },
    { intent_id: 'write_1', status: 'error', result: { error: 'constraint' } },
  ],
  refs: { receipts: [RECEIPT, { ...RECEIPT, ref_id: 'doc_a', source_type: 'file' }] },
  capture_mode: 'raw',
};

export function recorded(input: Json = INPUT, options: Partial<RecordOptions> = {}): Recorded {
  return recordRun(input, { now: NOW, machine: MACHINE, ...options });
}

const TCK_TIME = '2026-02-14T00:00:00Z';

/** The run of the earlier programs' kit, whose digests artifacts.md §15 gives; lanes.md §12 tells what is in it. */
export const TCK_INPUT: RunInput = {
  run: {
    run_id: 'run_tck',
    created_at: TCK_TIME,
    env: { os: 'darwin', arch: 'arm64', runtime: 'go' },
    timeline: [{ event: 'tool_call', ts: TCK_TIME, ref: 'intent_1' }],
  },
  intents: [{ intent_id: 'intent_1', tool_name: 'echo', args_digest: digits('1') }],
  results: [{ intent_id: 'intent_1', status: 'ok', result_digest: digits('2') }],
  refs: {
    receipts: [
      {
        ...{ ref_id: 'ref_1', source_type: 'http', source_locator: 'https://example.com' },
        ...{ query_digest: digits('3'), content_digest: digits('4') },
        ...{ retrieved_at: TCK_TIME, redaction_mode: 'metadata' },
      },
    ],
  },
};

/** That run as version 1.4.0 records it, which leaves contents out, and as 1.2.0 does, which does not look at digests. */
export function tckRun(version: '1.2.0' | '1.4.0'): CapturedRun {
  const captured = recorded(TCK_INPUT, { now: TCK_TIME });
  if (version === '1.4.0') return captured;
  return {
    ...captured,
    intents: captured.intents.map((intent) => ({ ...intent, args: { message: 'hello' } })),
    results: captured.results.map((result) => ({ ...result, result: { ok: true } })),
  };
}

/** The smallest run there is to speak of. */
export function tinyRun(): CapturedRun {
  const intents = [{ intent_id: 'i', tool_name: 't', args: {} }];
  const machine = { arch: 'a', os: 'o', runtime: 'r' };
  return recorded({ run: { run_id: 'r', producer_version: 'p' }, intents }, { machine });
}

/** Inputs of runs as agents may make them: any arguments and ids, times with offsets, receipts of both kinds. */
export function runInputs(): fc.Arbitrary<RunInput> {
  const object = fc.dictionary(fc.string({ maxLength: 5 }), jsonValue(), { maxKeys: 3 });
  const id = fc.string({ unit: fc.constantFrom('a', 'B', '1', '_', 'ž', '/'), minLength: 1, maxLength: 3 });
  const zone = fc.constantFrom('Z', '+02:00', '-07:30', '.5Z', '.000000001+00:00');
  const time = fc.tuple(fc.integer({ min: 10, max: 28 }), zone).map(([d, z]) => `2026-02-${d}T23:59:59${z}`);
  const call = fc.record({ intent_id: id, tool_name: id, args: object, created_at: time });
  const answer = fc.record({
    status: fc.constantFrom('ok', 'error', 'timeout'),
    result: object,
    traced: fc.boolean(),
  });
  const calls = fc.uniqueArray(fc.tuple(call, fc.option(answer)), {
    selector: ([{ intent_id }]) => intent_id,
    maxLength: 5,
  });
  const digest = fc.constantFrom(digits('1'), digits('2'));
  const source = fc.record({ ref_id: id, retrieved_at: time, content_digest: digest });
  const sources = fc.uniqueArray(source, { selector: ({ ref_id }) => ref_id, maxLength: 3 });
  const runId = fc.stringMatching(/^[a-z0-9][a-zA-Z0-9_-]{0,8}$/);
  const run = fc.record({ run_id: runId, created_at: time, env: object });
  return fc
    .tuple(run, calls, sources, fc.constantFrom('raw', 'reference'))
    .map(([facts, made, read, capture_mode]) => {
      const answered = made.flatMap(([{ intent_id }, given]) =>
        given === null ? [] : [{ intent_id, ...given }],
      );
      const traces = answered
        .filter(({ traced }) => traced)
        .map(({ intent_id }) => {
          return {
            ...RECEIPT,
            ref_id: `trace_${intent_id}`,
            source_type: 'gait.trace',
            query_digest: '',
            content_digest: '',
          };
        });
      const input: RunInput = {
        run: {
          ...facts,
          timeline: made.map(([{ intent_id: ref, created_at: ts }]) => ({ event: 'tool_call', ts, ref })),
        },
        intents: made.map(([intent]) => intent),
        results: answered.map(({ traced: _, ...result }) => result),
        refs: { receipts: [...traces, ...read.map((fields) => ({ ...RECEIPT, ...fields }))] },
        capture_mode,
      };
      // As it would come from a file: plain objects only.
      return JSON.parse(JSON.stringify(input)) as RunInput;
    });
}

/** The members of a runpack. */
export function runpackFiles(captured: CapturedRun = recorded(), key?: SigningKey): Files {
  return new Map(buildRunpack(captured, key).members.map(({ name, bytes }) => [name, bytes]));
}

/** A manifest that a forger made over these members of a runpack, its digest by the formula of artifacts.md §1.3. */
export function resealed(files: Files, changes: Document = {}): Files {
  const { signatures: _, ...old } = readDocument(files, RUN_MANIFEST);
  const listed = [...files].filter(([name]) => name !== RUN_MANIFEST).sort(([a], [b]) => (a < b ? -1 : 1));
  const list = listed.map(([path, bytes]) => ({ path, sha256: sha256(bytes).toString('hex') }));
  const manifest = { ...old, files: list, ...changes, manifest_digest: '' };
  const manifest_digest = changes['manifest_digest'] ?? sha256(jcs(manifest)).toString('hex');
  return withFile(files, RUN_MANIFEST, jcs({ ...manifest, manifest_digest }));
}

/** A runpack with these fields in a document, or in the first record of a member, and a manifest that fits. */
export function edited(files: Files, name: string, changes: Document): Files {
  const text = readText(files, name);
  if (name.endsWith('.json')) return resealed(patched(files, name, changes));
  const [first = '{}', ...rest] = text.split('\n');
  const record = jcs({ ...(JSON.parse(first) as Document), ...changes });
  return resealed(withFile(files, name, [record, ...rest].join('\n')));
}

export interface RunPackOptions {
  /** The bytes of the runpack in it. */
  readonly runpack?: Buffer;
  readonly key?: SigningKey;
  readonly producerVersion?: string;
}

/** The members of a run pack, its manifest among them. */
export function runPackFiles(captured: CapturedRun = recorded(), options: RunPackOptions = {}): Files {
  const { runpack = zipFiles(runpackFiles(captured)), key, producerVersion = PRODUCER } = options;
  const { manifest } = buildRunpack(captured);
  const { run, refs, intents, results } = captured;
  const facts = { run, refs, intents: intents.length, results: results.length };
  const source = { manifest, facts, runpack: memberOf(SOURCE, runpack) };
  const { members } = buildRunPack(source, producerVersion, key);
  return new Map(members.map(({ name, source: bytes }) => [name, bytes.read(0, bytes.size)]));
}

export function packManifestIn(files: Files): PackManifest {
  return readDocument(files, 'pack_manifest.json') as unknown as PackManifest;
}

/** Verifies the container that these bytes are, with no file between. */
export function verifyInMemory(bytes: Buffer, policy: VerificationPolicy = {}): VerifiedPack {
  return verifyPack(readContainer(sourceOf(bytes)), policy);
}

/** The codes of all findings; the verification is checked to be one that the contract allows. */
export function codesIn(bytes: Buffer, policy: VerificationPolicy = {}): string[] {
  const { verification } = verifyInMemory(bytes, policy);
  assertConforms('verify', verification);
  return verification.findings.map(({ code }) => code);
}

/** A member as the earlier programs write it: made by 0x0314, deflated or not, maybe with a descriptor and a time. */
export interface EarlierForm {
  readonly deflated: boolean;
  readonly described: boolean;
}

export const GO_FORM: EarlierForm = { deflated: true, described: true };

/** How those programs write: with descriptor and time, or with neither. artifacts.md §3. */
export const EARLIER_FORMS: Readonly<Record<string, EarlierForm>> = {
  'deflated, with descriptor and timestamp': GO_FORM,
  'deflated, with neither': { deflated: true, described: false },
  'stored, with neither': { deflated: false, described: false },
};

/** The extended timestamp of 1980-01-01, APPNOTE.TXT and artifacts.md §3. */
export const TIMESTAMP_EXTRA: Buffer = Buffer.from('555405000100a6ce12', 'hex');

/** Go ends a stream in an empty stored block of its own. */
export function goDeflate(content: Buffer): Buffer {
  const open = deflateRawSync(content, { finishFlush: constants.Z_SYNC_FLUSH });
  return Buffer.concat([open, Buffer.from('010000ffff', 'hex')]);
}

/** A member of the earlier programs. What it says of its packed bytes fits `packed`, of its content `content`. */
export function earlierMember(
  name: string | Buffer,
  content: Buffer,
  { deflated, described }: EarlierForm = GO_FORM,
  packed: Buffer = deflated ? goDeflate(content) : content,
): RawMember {
  const facts = { crc32: crc32(content), size: content.length, compressedSize: packed.length };
  const method = deflated ? 8 : 0;
  const plain = { name, data: packed, central: { versionMadeBy: 0x0314 } };
  if (!described) return { ...plain, both: { ...facts, method, flags: 0 } };
  return {
    ...plain,
    both: { ...facts, method, flags: 8, extra: TIMESTAMP_EXTRA },
    local: { crc32: 0, size: 0, compressedSize: 0 },
    after: descriptorOf(facts),
  };
}

export function descriptorOf(facts: { crc32: number; compressedSize: number; size: number }): Buffer {
  const bytes = Buffer.alloc(16);
  for (const [i, value] of [0x08074b50, facts.crc32, facts.compressedSize, facts.size].entries()) {
    bytes.writeUInt32LE(value >>> 0, i * 4);
  }
  return bytes;
}

/** These members in a container of the earlier programs, sorted. */
export function earlierZip(files: Files, form: EarlierForm = GO_FORM): Buffer {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  return rawZip({ members: sorted.map(([name, content]) => earlierMember(name, content, form)) });
}
