import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { VERSION } from '../../src/core/version.ts';
import { observer } from '../../src/job/environment.ts';
import { DEFAULT_RULES } from '../../src/job/fingerprint.ts';
import { snapshotBytes } from '../../src/log/snapshot.ts';
import { SNAPSHOT_EVERY } from '../../src/log/stream.ts';
import validateSummary from '../../src/schema/generated/job_summary.js';
import validateSnapshot from '../../src/schema/generated/log_snapshot.js';
import validateLedgerEvent from '../../src/schema/generated/pack_ledger_event.js';
import { schemaFault } from '../../src/schema/validator.ts';
import { linesOf, type Workspace, workspace } from '../support/cli.ts';
import { assertEventLines, assertJobEvent, canonicalLine } from './output.ts';

/** The events of a log as they stand on the disk, their lines checked to be canonical. */
function eventsIn(log: Buffer): unknown[] {
  return linesOf(log).map((line) => canonicalLine(line.toString())['event']);
}

async function everyEvent(w: Workspace): Promise<void> {
  await w.ok("job submit --id all --fingerprint-rule env:MODEL --reason 'nightly run'", {
    env: { MODEL: 'a' },
  });
  await w.ok("job checkpoint add --id all --type plan --summary 'forty tables'");
  await w.ok("job checkpoint add --id all --type decision-needed --summary s --required-action 'go on?'");
  await w.ok('job approve --id all --actor bob');
  await w.refused('job resume --id all', 'environment_mismatch', 'policy_blocked');
  await w.ok("job resume --id all --allow-env-mismatch --reason 'moved'");
  await w.ok("job checkpoint add --id all --type blocked --summary 'no disk'");
  await w.ok('job resume --id all');
  await w.ok('job pause --id all');
  await w.ok('job cancel --id all');
}

test('every line that the commands write is an event by its schema', async (t) => {
  const w = await workspace(t);
  await everyEvent(w);
  await w.ok('job submit --id stopped');
  await w.ok("job stop --id stopped --reason 'wrong bucket'");
  const logs = await Promise.all(['all', 'stopped'].map((id) => w.logOf(id)));
  const types = logs.flatMap((log) => eventsIn(log).map((event) => assertJobEvent(event).type));
  assert.deepEqual(types, [
    ...['submitted', 'checkpoint_added', 'checkpoint_added', 'approved', 'resume_refused', 'resumed'],
    ...['checkpoint_added', 'resumed', 'paused', 'cancelled', 'submitted', 'emergency_stop_acknowledged'],
  ]);
});

test('a snapshot is written, conforms, is what verify compares, and a cache that may be lost', async (t) => {
  const w = await workspace(t);
  const author = { actor: 'agent' };
  const claim = await observer({})(DEFAULT_RULES);
  await w.jobs.execute('long', author, { kind: 'submit', claim, producerVersion: VERSION });
  const progress = (_: unknown, i: number) =>
    w.jobs.execute('long', author, { kind: 'checkpoint', type: 'progress', summary: `step ${i}` });
  await Promise.all(Array.from({ length: SNAPSHOT_EVERY + 10 }, progress));
  const { job } = await w.ok('job status --id long');
  const bytes = await readFile(w.folder('long', 'snapshot.json'), 'utf8');
  const snapshot = JSON.parse(bytes) as JsonObject;
  assert.equal(schemaFault(validateSnapshot, snapshot), undefined);
  assert.equal(schemaFault(validateSummary, snapshot['state']), undefined);
  const verdict = async () => (await w.ok('job verify --id long')).verification?.snapshot;
  assert.equal(await verdict(), 'equal');
  await snapshotLies(w, snapshot);
  const spoiled = bytes.replace('"checkpoint_count":', '"checkpoint_count":9');
  for (const [content, expected] of [
    [spoiled, 'unusable'],
    ['', 'unusable'],
    [undefined, 'absent'],
  ] as const) {
    if (content === undefined) await rm(w.folder('long', 'snapshot.json'));
    else await writeFile(w.folder('long', 'snapshot.json'), content);
    assert.deepEqual((await w.ok('job status --id long')).job, job, 'without it all is as before');
    assert.equal(await verdict(), expected);
  }
});

/** A snapshot, well made, of another state than the log's is found by verify. */
async function snapshotLies(w: Workspace, { revision, hash, offset, state }: JsonObject): Promise<void> {
  const position = { revision: Number(revision), hash: String(hash), offset: Number(offset) };
  const lie = snapshotBytes('long', { position, state: { ...(state as JsonObject), checkpoint_count: 1 } });
  await writeFile(w.folder('long', 'snapshot.json'), lie);
  const { verification } = await w.refused('job verify --id long', 'job_damaged', 'verification_failed');
  assert.deepEqual(
    verification?.findings.map(({ code }) => code),
    ['snapshot_differs'],
  );
}

test('building a pack enters it into the ledger of packs, once for the same file', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  const first = await w.ok('pack build --type job --from demo --actor agent');
  await w.ok('pack build --type job --from demo --actor agent');
  await w.ok('job pause --id demo');
  const later = await w.ok('pack build --type job --from demo --actor agent');
  const entries = eventsIn(await readFile(w.path('gait-out/ledger/packs/log.ndjson')));
  for (const entry of entries) assert.equal(schemaFault(validateLedgerEvent, entry), undefined);
  const payloads = entries.map((entry) => (entry as { payload: Record<string, unknown> }).payload);
  assert.deepEqual(
    payloads.map(({ pack_id, file_sha256, source_ref }) => ({ pack_id, file_sha256, source_ref })),
    [first, later].map(({ pack_id, file_sha256 }) => ({ pack_id, file_sha256, source_ref: 'demo' })),
  );
});

test('with --json nothing but the one line is on standard output, and warnings are on standard error', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  await writeFile(w.path('gait-out', 'ledger'), 'in the way');
  const built = await w.gait('pack build --type job --from demo --json');
  assert.equal(built.exit, 0);
  assert.equal(built.json().warnings?.length, 1);
  assert.match(built.stderr, /^warning: .*ledger/);
  const inWords = await w.gait('pack build --type job --from demo');
  assert.match(inWords.stderr, /^warning: .*ledger/);
  assert.doesNotMatch(inWords.stdout, /warning/);
});

test('in words, errors are on standard error with their code and what to do', async (t) => {
  const w = await workspace(t);
  const { exit, stdout, stderr } = await w.gait('job status --id nobody');
  assert.deepEqual({ exit, stdout }, { exit: 6, stdout: '' });
  assert.match(stderr, /job not found: nobody .*job_not_found.*exit 6/);
  assert.match(stderr, /gait job list/);
});

test('log --follow shows what comes later, and ends when the job is final', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo --actor agent');
  const json = w.start('job log --id demo --follow --json');
  const text = w.start('job log --id demo --follow');
  await Promise.all([json.printed('"submitted"'), text.printed('submitted')]);
  await w.ok('job checkpoint add --id demo --summary first');
  await Promise.all([json.printed('"first"'), text.printed('cp_0001 progress: first')]);
  assert.equal(json.child.exitCode, null, 'still following');
  await w.ok('job cancel --id demo');
  const [followed, read] = await Promise.all([json.done, text.done]);
  assert.deepEqual([followed.exit, followed.stderr, read.exit, read.stderr], [0, '', 0, '']);
  const { events } = await w.ok('job log --id demo');
  assert.deepEqual(assertEventLines(followed.stdout), events);
  assert.equal(read.stdout, await w.text('job log --id demo'));
});
