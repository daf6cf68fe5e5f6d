// Runpacks of a size, for the bench: written piece by piece, so that they may be larger than memory.
import { createHash } from 'node:crypto';
import { canonicalBytes } from '../../dist/core/canonical.js';
import { canonicalDigest } from '../../dist/core/digest.js';
import { memberOf, streamedMember } from '../../dist/pack/build.js';
import { manifestDigestOf } from '../../dist/run/runpack.js';
import { writeZipAtomically } from '../../dist/zip/writer.js';

export const MIB = 1024 * 1024;

const RUN_ID = 'bench';
const BASE = {
  schema_version: '1.0.0',
  created_at: '2026-01-01T00:00:00Z',
  producer_version: '0.0.0-bench',
  run_id: RUN_ID,
};

/** Bytes that look like noise and are the same every time. */
function noise(length, seed = 'noise') {
  const blocks = [];
  for (let i = 0; i * 32 < length; i += 1) blocks.push(createHash('sha256').update(`${seed} ${i}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

/** A source of `size` bytes that repeats one mebibyte of noise. */
function noiseSource(size) {
  const block = noise(MIB);
  return {
    size,
    read(offset, length) {
      const wanted = Math.max(0, Math.min(length, size - offset));
      const bytes = Buffer.allocUnsafe(wanted);
      for (let done = 0; done < wanted; ) {
        done += block.copy(
          bytes,
          done,
          (offset + done) % MIB,
          Math.min(MIB, ((offset + done) % MIB) + wanted - done),
        );
      }
      return bytes;
    },
  };
}

/** What a tool answered, in about so many bytes: half of it one long text, half of it rows. */
function answer(bytes) {
  const text = noise(Math.ceil(bytes / 4), `text ${bytes}`)
    .toString('hex')
    .slice(0, Math.floor(bytes / 2));
  const rows = [];
  for (let i = 0; i * 110 < bytes / 2; i += 1) {
    rows.push({
      id: 100_000 + i,
      name: `row ${i % 10} of the table`,
      price: 12.5,
      stock: (i * 7) % 100,
      tags: ['new', 'blue'],
    });
  }
  return { rows, text };
}

const LINE_SIZES = [2, 300, 16, 64, 1, 200, 8, 128].map((kib) => kib * 1024);

/** A source of lines of results, about `size` bytes of them, of 1 to 300 KiB each. */
function resultsSource(size) {
  const templates = LINE_SIZES.map((bytes) => {
    const result = answer(bytes);
    const record = {
      ...BASE,
      schema_id: 'gait.runpack.result',
      intent_id: ID_PLACE,
      status: 'ok',
      result_digest: canonicalDigest(result),
      result,
    };
    const line = Buffer.concat([canonicalBytes(record), Buffer.from('\n')]);
    return { line, at: line.indexOf(ID_PLACE) };
  });
  const period = templates.reduce((sum, { line }) => sum + line.length, 0);
  const periods = Math.ceil(size / period);
  let made = { index: -1, bytes: Buffer.alloc(0) };
  const block = (index) => {
    if (made.index === index) return made.bytes;
    const lines = templates.map(({ line, at }, i) => {
      const copy = Buffer.from(line);
      copy.write(intentId(index * templates.length + i), at);
      return copy;
    });
    made = { index, bytes: Buffer.concat(lines) };
    return made.bytes;
  };
  const source = {
    size: periods * period,
    read(offset, length) {
      const pieces = [];
      for (let at = offset; at < Math.min(offset + length, source.size); ) {
        const bytes = block(Math.floor(at / period))
          .subarray(at % period)
          .subarray(0, offset + length - at);
        pieces.push(bytes);
        at += bytes.length;
      }
      return Buffer.concat(pieces);
    },
  };
  return { source, count: periods * templates.length };
}

const ID_PLACE = 'intent_########';

function intentId(n) {
  return `intent_${String(n).padStart(8, '0')}`;
}

function intentsOf(count) {
  const args = { path: '/srv/data', query: 'select' };
  const args_digest = canonicalDigest(args);
  const lines = [];
  for (let i = 0; i < count; i += 1) {
    lines.push(
      canonicalBytes({
        ...BASE,
        schema_id: 'gait.runpack.intent',
        intent_id: intentId(i),
        tool_name: 'tool.read',
        args_digest,
        args,
      }),
      Buffer.from('\n'),
    );
  }
  return Buffer.concat(lines);
}

/**
 * Writes a sound runpack: with an attachment of `attachment` bytes that its manifest declares, if that is not 0, and
 * about `results` bytes of results, each of an intent.
 */
export async function writeRunpack(path, { attachment = 0, results = 64 * 1024 }) {
  const { source, count } = resultsSource(results);
  const members = [
    ...(attachment === 0 ? [] : [streamedMember('attachments/big.bin', noiseSource(attachment))]),
    memberOf('intents.jsonl', intentsOf(count)),
    memberOf('refs.json', canonicalBytes({ ...BASE, schema_id: 'gait.runpack.refs', receipts: [] })),
    streamedMember('results.jsonl', source),
    memberOf(
      'run.json',
      canonicalBytes({
        ...BASE,
        schema_id: 'gait.runpack.run',
        env: { arch: 'amd64', os: 'linux', runtime: 'node' },
        timeline: [],
      }),
    ),
  ];
  const undigested = {
    ...BASE,
    schema_id: 'gait.runpack.manifest',
    capture_mode: 'raw',
    files: members.map(({ name, sha256 }) => ({ path: name, sha256 })),
    manifest_digest: '',
  };
  const manifest = { ...undigested, manifest_digest: manifestDigestOf(undigested) };
  await writeZipAtomically(path, [...members, memberOf('manifest.json', canonicalBytes(manifest))]);
}

/** What an agent would say of a run, for `gait run record`: intents whose answers have about `bytes` bytes each. */
export function recordInput(count, bytes) {
  const result = answer(bytes);
  const intents = [];
  const results = [];
  for (let i = 0; i < count; i += 1) {
    const intent_id = intentId(i);
    intents.push({
      intent_id,
      tool_name: 'tool.read',
      args: { path: `/srv/data/${i}`, query: 'select', limit: 100 },
    });
    results.push({ intent_id, status: 'ok', result: { n: i, ...result } });
  }
  return { run: { run_id: RUN_ID, created_at: BASE.created_at }, intents, results };
}
