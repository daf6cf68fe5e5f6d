import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { JobHistory } from '../../src/job/read/history.ts';
import type { Pack } from '../../src/pack/build.ts';
import { buildJobPack } from '../../src/pack/kinds/job/build.ts';
import { merkleRoot } from '../../src/pack/merkle.ts';
import {
  AWAY,
  ask,
  cancel,
  checkpoint,
  HOME,
  JOB_ID,
  pause,
  resumeAnyway,
  stop,
  submit,
} from '../support/given.ts';
import { historyOf, PRODUCER, packBytes, STORY, type Step } from '../support/pack.ts';
import {
  chainHead,
  EVENTS,
  type Files,
  filesOf,
  jcs,
  LEDGER,
  linesOf,
  merkleTreeHash,
  PAYLOAD,
  packIdFormula,
  readDocument,
  readText,
  STATE,
  sha256,
} from './forge.ts';

let history: JobHistory;
let pack: Pack;
let files: Files;
before(async () => {
  history = await historyOf(STORY);
  pack = buildJobPack(history, PRODUCER);
  files = filesOf(history);
});

/** When the events of STORY were recorded: a minute and a tenth of a second apart. */
const TIMES = [
  '2026-02-14T00:00:00Z',
  '2026-02-14T00:01:00.1Z',
  '2026-02-14T00:02:00.2Z',
  '2026-02-14T00:03:00.3Z',
  '2026-02-14T00:04:00.4Z',
  '2026-02-14T00:05:00.5Z',
  '2026-02-14T00:06:00.6Z',
  '2026-02-14T00:07:00.7Z',
];

describe('the members of a job pack', () => {
  test('are these, and no others', () => {
    const names = pack.members.map(({ name }) => name).sort();
    assert.deepEqual(names, [EVENTS, LEDGER, PAYLOAD, STATE, 'pack_manifest.json']);
  });

  test('job_events.jsonl: the events’ own bytes, in order', () => {
    const texts = history.records.map(({ text }) => text);
    assert.equal(readText(files, EVENTS), `${texts.join('\n')}\n`);
    assert.equal(readText(files, EVENTS), linesOf(history.records.map(({ event }) => event)));
  });

  test('job_payload.json: the job at a glance', () => {
    const expected = {
      schema_id: 'gait.pack.job',
      schema_version: '1.0.0',
      created_at: TIMES[0],
      job_id: JOB_ID,
      status: 'completed',
      stop_reason: 'completed',
      status_reason_code: 'completed',
      environment_fingerprint: HOME.fingerprint,
      checkpoint_count: 4,
      approval_count: 1,
    };
    assert.equal(readText(files, PAYLOAD), jcs(expected));
  });

  test('job_state.json: every checkpoint and approval', () => {
    const by = { actor: 'alice' };
    const expected = {
      schema_id: 'gait.job.runtime',
      schema_version: '1.0.0',
      created_at: TIMES[0],
      updated_at: TIMES[7],
      producer_version: '0.1.0',
      job_id: JOB_ID,
      status: 'completed',
      stop_reason: 'completed',
      status_reason_code: 'completed',
      environment_fingerprint: HOME.fingerprint,
      revision: 8,
      checkpoints: [
        { checkpoint_id: 'cp_0001', created_at: TIMES[1], ...kind('plan'), summary: 'three steps', ...by },
        {
          ...{ checkpoint_id: 'cp_0002', created_at: TIMES[2], ...kind('decision-needed'), actor: 'agent' },
          ...{ summary: 'a decision', required_action: 'approve the deploy' },
        },
        {
          ...{ checkpoint_id: 'cp_0003', created_at: TIMES[6], ...kind('progress'), ...by },
          summary: 'deployed žluťoučký \u{1f40e}',
        },
        { checkpoint_id: 'cp_0004', created_at: TIMES[7], ...kind('completed'), summary: 'all done', ...by },
      ],
      approvals: [{ actor: 'bob', created_at: TIMES[3], reason: 'the numbers are right' }],
    };
    assert.equal(readText(files, STATE), jcs(expected));
  });

  test('job_ledger.json: what the chain can be recomputed from', () => {
    const texts = readText(files, EVENTS).trimEnd().split('\n');
    const expected = {
      schema_id: 'gait.pack.job_ledger',
      schema_version: '1.0.0',
      job_id: JOB_ID,
      size: 8,
      head: { revision: 8, hash: chainHead(texts) },
      merkle_root: merkleTreeHash(texts.map((text) => Buffer.from(text))).toString('hex'),
      environment: HOME.environment,
    };
    assert.equal(readText(files, LEDGER), jcs(expected));
    assert.equal(history.position.hash, chainHead(texts), 'the head of the log itself');
  });

  test('pack_manifest.json: every other member with its digest, sorted, and the id of it all', () => {
    const unsealed = {
      schema_id: 'gait.pack.manifest',
      schema_version: '1.0.0',
      created_at: '1980-01-01T00:00:00Z',
      producer_version: PRODUCER,
      pack_id: '',
      pack_type: 'job',
      source_ref: JOB_ID,
      contents: [EVENTS, LEDGER, PAYLOAD, STATE].map((path) => {
        const digest = sha256(files.get(path) ?? '').toString('hex');
        return { path, sha256: digest, type: path === EVENTS ? 'jsonl' : 'json' };
      }),
    };
    const packId = sha256(jcs(unsealed)).toString('hex');
    const manifest = pack.members.find(({ name }) => name === 'pack_manifest.json');
    assert.equal(manifest?.source.read(0, 1e6).toString('utf8'), jcs({ ...unsealed, pack_id: packId }));
    assert.deepEqual(JSON.parse(jcs(pack.manifest)), { ...unsealed, pack_id: packId });
    assert.equal(packIdFormula({ ...pack.manifest, signatures: [{ sig: 'x' }] }), packId);
  });
});

function kind(type: string): { type: string; reason_code: string } {
  return { type, reason_code: `checkpoint_${type.replace('-', '_')}` };
}

/** The members that a strict decoder of v1.2.0 knows. artifacts.md §7.1, §7.3, §8.2 */
const ALLOWED = {
  payload:
    'schema_id schema_version created_at job_id status stop_reason status_reason_code environment_fingerprint ' +
    'checkpoint_count approval_count',
  state:
    'schema_id schema_version created_at updated_at producer_version job_id status stop_reason ' +
    'status_reason_code environment_fingerprint revision checkpoints approvals',
  checkpoint: 'checkpoint_id created_at type summary required_action reason_code actor',
  approval: 'created_at actor reason',
  event: 'schema_id schema_version created_at job_id revision type actor reason_code payload',
  manifest:
    'schema_id schema_version created_at producer_version pack_id pack_type source_ref contents signatures',
  entry: 'path sha256 type',
};

function onlyAllowed(what: keyof typeof ALLOWED, document: object): void {
  const allowed = new Set(ALLOWED[what].split(' '));
  const unknown = Object.keys(document).filter((key) => !allowed.has(key));
  assert.deepEqual(unknown, [], `${what} has members that v1.2.0 refuses`);
}

const OTHERS: Record<string, readonly Step[]> = {
  'a job that has only been submitted': [{ command: submit() }],
  'a job that was stopped': [{ command: submit() }, { command: stop, reason: 'enough' }],
  'a job with a fingerprint of its own, cancelled': [
    { command: submit({ fingerprint: 'mine' }) },
    { command: cancel },
  ],
  'a job resumed elsewhere, blocked': [
    ...[{ command: submit() }, { command: pause }],
    { command: resumeAnyway(AWAY), reason: 'moved' },
    { command: checkpoint('blocked', 'no room') },
  ],
  'a job with an open decision': [{ command: submit() }, { command: ask() }],
  'a job to its end': STORY,
};

describe('a job pack of', () => {
  for (const [what, steps] of Object.entries(OTHERS)) {
    test(`${what} holds only members that v1.2.0 accepts`, async () => {
      const other = await historyOf(steps);
      const { manifest } = buildJobPack(other, PRODUCER);
      const made = filesOf(other);
      const state = readDocument(made, STATE) as { checkpoints: object[]; approvals?: object[] };
      onlyAllowed('payload', readDocument(made, PAYLOAD));
      onlyAllowed('state', state);
      for (const one of state.checkpoints) onlyAllowed('checkpoint', one);
      for (const one of state.approvals ?? []) onlyAllowed('approval', one);
      for (const { event } of other.records) onlyAllowed('event', event);
      onlyAllowed('manifest', manifest);
      for (const entry of manifest.contents) onlyAllowed('entry', entry);
    });
  }

  test('a job without approvals leaves them out, as an empty list would be', async () => {
    const made = filesOf(await historyOf([{ command: submit() }]));
    assert.deepEqual(Object.keys(readDocument(made, STATE)).includes('approvals'), false);
    assert.deepEqual(readDocument(made, STATE)['checkpoints'], []);
  });

  test('a job with a fingerprint of its own names no environment', async () => {
    const made = filesOf(await historyOf([{ command: submit({ fingerprint: 'mine' }) }]));
    assert.equal(readDocument(made, LEDGER)['environment'], null);
    assert.equal(readDocument(made, PAYLOAD)['environment_fingerprint'], 'mine');
  });

  test('the same history is the same, and building changes nothing', async () => {
    const saved = structuredClone(history);
    const first = await packBytes(history);
    assert.ok(first.equals(await packBytes(history)));
    assert.ok(first.equals(await packBytes(await historyOf(STORY))));
    assert.deepEqual(history, saved);
  });

  test('another producer version has another id, and the same contents', () => {
    const other = buildJobPack(history, 'test-2').manifest;
    assert.deepEqual(other.contents, pack.manifest.contents);
    assert.notEqual(other.pack_id, pack.manifest.pack_id);
  });
});

/** The tree of Certificate Transparency's own tests (RFC 6962): eight leaves, and the root over the first n. */
const CT_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const CT_ROOTS: Readonly<Record<number, string>> = {
  0: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  1: '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  2: 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  3: 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  4: 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  5: '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  8: '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
};

describe('the Merkle root', () => {
  for (const [size, root] of Object.entries(CT_ROOTS)) {
    test(`over ${size} leaves is that of Certificate Transparency`, () => {
      const leaves = CT_LEAVES.slice(0, Number(size)).map((leaf) => Buffer.from(leaf, 'hex'));
      assert.equal(merkleTreeHash(leaves).toString('hex'), root, 'the independent implementation');
      assert.equal(merkleRoot(leaves), root);
    });
  }

  test('over 0 to 70 leaves is that of the recursive definition', () => {
    for (let size = 0; size <= 70; size += 1) {
      const leaves = Array.from({ length: size }, (_, i) => Buffer.from(`leaf ${i}`));
      assert.equal(merkleRoot(leaves), merkleTreeHash(leaves).toString('hex'), `${size} leaves`);
    }
  });

  for (const size of [1, 2, 3, 5, 8, 9]) {
    test(`of a job of ${size} events is in its ledger`, async () => {
      const progress = Array.from({ length: size - 1 }, (_, i) => {
        return { command: checkpoint('progress', `step ${i}`) };
      });
      const made = filesOf(await historyOf([{ command: submit() }, ...progress]));
      const leaves = readText(made, EVENTS).trimEnd().split('\n');
      assert.equal(leaves.length, size);
      const root = merkleTreeHash(leaves.map((leaf) => Buffer.from(leaf))).toString('hex');
      assert.equal(readDocument(made, LEDGER)['merkle_root'], root);
    });
  }
});
