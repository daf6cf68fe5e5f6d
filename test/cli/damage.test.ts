import assert from 'node:assert/strict';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { sha256Hex } from '../../src/core/digest.ts';
import { jobModel } from '../../src/job/model.ts';
import { verifyJob } from '../../src/job/read/verify.ts';
import { FileStore } from '../../src/log/stores/file_store.ts';
import { linesOf, type Workspace, workspace } from '../support/cli.ts';

const SUMMARY = 'Zürich – naïve “quotes” 🚢';

async function jobWithHistory(w: Workspace): Promise<Buffer> {
  await w.ok('job submit --id demo');
  await w.ok(['job', 'checkpoint', 'add', '--id', 'demo', '--summary', SUMMARY]);
  await w.ok('job checkpoint add --id demo --type decision-needed --summary s --required-action a');
  await w.ok('job approve --id demo --actor bob');
  return w.logOf('demo');
}

/** Which record holds each byte: its revision and where its line starts. */
function places(log: Buffer): { revision: number; offset: number }[] {
  let offset = 0;
  return linesOf(log).flatMap((line, i) => {
    const place = { revision: i + 1, offset };
    offset += line.length;
    return Array.from(line, () => place);
  });
}

/** The log with one byte made another. */
function edited(log: Buffer, at: number, flip: number): Buffer {
  const copy = Buffer.from(log);
  copy.writeUInt8((log[at] ?? 0) ^ flip, at);
  return copy;
}

describe('an edit of one byte of a log', () => {
  test('is found at every byte, and named by revision and offset', async (t) => {
    const w = await workspace(t);
    const log = await jobWithHistory(w);
    const store = new FileStore({ root: w.path('gait-out/jobs'), idField: jobModel.idField });
    for (const [at, place] of places(log).entries()) {
      await w.writeLog('demo', edited(log, at, [0x01, 0x20, 0x80][at % 3] ?? 1));
      const [finding] = (await verifyJob(store, 'demo')).findings;
      const { revision, offset } = finding ?? {};
      assert.deepEqual({ revision, offset }, place, `byte ${at}`);
    }
    await store.close();
  });

  test('makes job verify exit 2 and say where; at the first and last byte, at newlines, in text', async (t) => {
    const w = await workspace(t);
    const log = await jobWithHistory(w);
    const where = places(log);
    const newline = log.indexOf(10);
    for (const at of [0, newline, newline + 1, log.indexOf(SUMMARY), log.length - 10, log.length - 1]) {
      await w.writeLog('demo', edited(log, at, 1));
      const { details, verification } = await w.refused(
        'job verify --id demo',
        'job_damaged',
        'verification_failed',
      );
      const { revision, offset } = details ?? {};
      assert.deepEqual({ revision, offset }, where[at], `byte ${at}`);
      assert.equal(verification?.events_checked, (where[at]?.revision ?? 0) - 1);
    }
    const { exit, stdout, stderr } = await w.gait('job verify --id demo');
    assert.equal(exit, 2);
    assert.match(stdout + stderr, /revision 4, byte \d+/);
  });
});

test('records that are left out, doubled or exchanged are found at the first that is not in its place', async (t) => {
  const w = await workspace(t);
  const lines = linesOf(await jobWithHistory(w));
  const orders: Record<string, readonly number[]> = {
    'left out': [0, 2, 3],
    doubled: [0, 1, 1, 2, 3],
    exchanged: [0, 2, 1, 3],
  };
  for (const [how, order] of Object.entries(orders)) {
    await w.writeLog('demo', Buffer.concat(order.map((i) => lines[i] ?? Buffer.alloc(0))));
    const { details } = await w.refused('job verify --id demo', 'job_damaged', 'verification_failed');
    assert.equal(details?.['revision'], how === 'doubled' ? 3 : 2, how);
  }
});

test('a log copied from another job is refused by every command, and listed as what it is', async (t) => {
  const w = await workspace(t);
  await jobWithHistory(w);
  await w.ok('job submit --id other');
  await cp(w.folder('demo'), w.folder('copy'), { recursive: true });
  const before = await w.logOf('copy');
  const commands = ['status', 'checkpoint add --summary s', 'cancel', 'inspect', 'log', 'checkpoint list'];
  for (const command of [
    ...commands.map((name) => `job ${name} --id copy`),
    'pack build --type job --from copy',
  ]) {
    const { details } = await w.refused(command, 'log_damaged', 'verification_failed');
    const { cause, revision, offset } = details ?? {};
    assert.deepEqual({ cause, revision, offset }, { cause: 'misplaced', revision: 1, offset: 0 }, command);
  }
  const { details } = await w.refused('job verify --id copy', 'job_damaged', 'verification_failed');
  assert.equal(details?.['code'], 'misplaced');
  assert.ok(before.equals(await w.logOf('copy')));
  const { jobs } = await w.ok('job list');
  assert.deepEqual(
    jobs?.map(({ job_id, status }) => `${job_id} ${status}`),
    ['copy unreadable', 'demo decision_needed', 'other running'],
  );
});

test('a job that cannot be read keeps submit from taking its name', async (t) => {
  const w = await workspace(t);
  const log = await jobWithHistory(w);
  await w.writeLog('demo', edited(log, 5, 1));
  const before = await w.everything();
  await w.refused('job submit --id demo', 'log_damaged', 'verification_failed');
  await w.unchanged(before);
});

test('repair shows what it would cut, cuts when told, keeps what it cut, and says so in the log', async (t) => {
  const w = await workspace(t);
  const log = await jobWithHistory(w);
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = linesOf(log);
  const keep = first.length + second.length;
  await w.writeLog('demo', edited(log, keep + 20, 1));
  const damaged = await w.everything();
  const tail = (await w.logOf('demo')).subarray(keep);

  const { repair: preview } = await w.ok('job repair --id demo');
  const facts = {
    keep_revision: 2,
    offset: keep,
    cut_bytes: tail.length,
    cut_lines: 2,
    cause: 'hash_mismatch',
    chained_records: 1,
    cut_events: preview?.cut_events,
    status_before: 'running',
    status_after: 'blocked',
    token_floor: preview?.token_floor,
  };
  assert.deepEqual(preview, { state: 'would_cut', ...facts });
  assert.ok((preview?.token_floor ?? 0) >= 4, 'above all revisions that the log had');
  assert.match(await w.text('job repair --id demo'), /nothing was changed.*--yes/);
  await w.unchanged(damaged);

  const { repair: cut } = await w.ok("job repair --id demo --yes --actor alice --reason 'power failure'");
  assert.deepEqual(cut, { state: 'cut', ...facts, kept_as: cut?.kept_as, cut_sha256: sha256Hex(tail) });
  assert.ok(tail.equals(await readFile(w.folder('demo', cut?.kept_as ?? ''))), 'what was cut is kept');
  const after = await w.logOf('demo');
  assert.ok(after.subarray(0, keep).equals(log.subarray(0, keep)));
  await repairedAndSound(w, cut?.cut_sha256 ?? '');
});

async function repairedAndSound(w: Workspace, sha256: string): Promise<void> {
  const { verification } = await w.ok('job verify --id demo');
  assert.equal(verification?.events_checked, 3);
  const last = (await w.ok('job log --id demo')).events?.at(-1);
  assert.ok(last?.type === 'repaired');
  assert.deepEqual(
    [last.actor, last.payload.reason, last.payload.cut_sha256],
    ['alice', 'power failure', sha256],
  );
  await w.refused(
    'job checkpoint add --id demo --type completed --summary done',
    'transition_not_allowed',
    'invalid_input',
  );
  await w.ok('job resume --id demo --actor alice');
  await w.ok('job checkpoint add --id demo --type completed --summary done');
  const { path = '' } = await w.ok('pack build --type job --from demo');
  await w.ok(['pack', 'verify', path]);
  assert.deepEqual((await w.ok('job repair --id demo')).repair, { state: 'nothing_to_repair', cut_bytes: 0 });
}

test('repair of a sound log has nothing to do, even when told to', async (t) => {
  const w = await workspace(t);
  const log = await jobWithHistory(w);
  for (const command of ['job repair --id demo', 'job repair --id demo --yes']) {
    assert.deepEqual((await w.ok(command)).repair, { state: 'nothing_to_repair', cut_bytes: 0 });
  }
  assert.match(await w.text('job repair --id demo'), /nothing to repair/);
  assert.ok(log.equals(await w.logOf('demo')));
  assert.deepEqual(await readdir(w.folder('demo')), ['log.ndjson']);
});

test('a log that is damaged from its first record on is not repaired: nothing would be left', async (t) => {
  const w = await workspace(t);
  const log = await jobWithHistory(w);
  await w.writeLog('demo', edited(log, 20, 1));
  const before = await w.everything();
  await w.refused('job repair --id demo --yes', 'repair_would_empty', 'unsafe_operation');
  await w.unchanged(before);
});

test('a torn last line is no damage: it is told, and the next command cuts it', async (t) => {
  const w = await workspace(t);
  const log = await jobWithHistory(w);
  await w.writeLog('demo', Buffer.concat([log, log.subarray(0, 100)]));
  const { verification } = await w.ok('job verify --id demo');
  assert.deepEqual([verification?.events_checked, verification?.torn_tail_bytes], [4, 100]);
  assert.equal((await w.ok('job status --id demo')).head?.revision, 4);
  const { checkpoint } = await w.ok('job checkpoint add --id demo --summary next');
  assert.equal(checkpoint?.checkpoint_id, 'cp_0003');
  const now = await w.logOf('demo');
  assert.ok(now.subarray(0, log.length).equals(log) && linesOf(now).length === 5);
});

test('one changed byte of a pack makes verify and inspect exit 2', async (t) => {
  const w = await workspace(t);
  await jobWithHistory(w);
  await w.ok('pack build --type job --from demo --out demo.zip');
  const pack = await readFile(w.path('demo.zip'));
  for (const at of [0, Math.floor(pack.length / 3), Math.floor(pack.length / 2), pack.length - 1]) {
    await writeFile(w.path('demo.zip'), edited(pack, at, 1));
    const { verify } = await w.refused('pack verify demo.zip', 'pack_damaged', 'verification_failed');
    assert.ok((verify?.findings.length ?? 0) > 0, `byte ${at}`);
    await w.refused('pack inspect demo.zip', 'pack_damaged', 'verification_failed');
  }
});
