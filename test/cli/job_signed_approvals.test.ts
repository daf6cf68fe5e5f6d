import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { manualClock } from '../../src/core/clock.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { JobWorkspace } from '../../src/job/open.ts';
import { seal } from '../../src/log/record.ts';
import { keyFileText, type SigningKey } from '../../src/signing/keys.ts';
import { ANN, BOB, CY, HOUR, MALLORY } from '../support/approvers.ts';
import { sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';
import { secretsOf } from '../support/keys.ts';

const KEYS: Readonly<Record<string, SigningKey>> = { ann: ANN, bob: BOB, cy: CY, mallory: MALLORY };
const APPROVERS = '--approver-key ann.pub --approver-key bob.pub --approver-key cy.pub';
const ASK = "--type decision-needed --summary 'schema differs' --required-action 'migrate?' --actor agent";

async function keyFiles(w: Workspace): Promise<void> {
  for (const [name, key] of Object.entries(KEYS)) {
    await writeFile(w.path(`${name}.key`), keyFileText(key.encoded), { mode: 0o600 });
    await writeFile(w.path(`${name}.pub`), keyFileText(key.publicKey));
  }
}

/** A job of which two of three have to sign its open decision. */
async function asking(w: Workspace, id = 'demo'): Promise<void> {
  await w.ok(`job submit --id ${id} ${APPROVERS} --approvals-required 2`);
  await w.ok(`job checkpoint add --id ${id} ${ASK}`);
}

/** As {@link asking}, by the clock of these people: nobody goes back behind the time of a log. */
async function askingEarlier(people: JobWorkspace): Promise<void> {
  await people.submit('demo', {
    approvers: { keys: [ANN, BOB, CY].map(({ publicKey }) => publicKey), required: 2 },
  });
  const asks = {
    kind: 'checkpoint',
    type: 'decision-needed',
    summary: 'schema',
    requiredAction: 'migrate?',
  } as const;
  await people.jobs.execute('demo', { actor: 'agent' }, asks);
}

describe('a job with approvers', () => {
  test('is approved by two of them, resumed, packed and verified', async (t) => {
    const w = await workspace(t);
    await keyFiles(w);
    await asking(w);
    const first = await w.ok("job approve --id demo --actor ann --reason 'read it' --private-key ann.key");
    const tally = { checkpoint_id: 'cp_0001', required: 2 };
    assert.deepEqual(first.approval, { ...tally, approvals: 1, still_needed: 1 });
    assert.deepEqual(
      first.job?.open_decisions[0]?.approvals?.map(({ key_id }) => key_id),
      [ANN.keyId],
    );
    const early = await w.refused('job resume --id demo', 'approval_required', 'approval_required');
    assert.match(early.error ?? '', /cp_0001 has 1 of 2 signed approvals/);
    const env = { CY_KEY: CY.encoded };
    const second = await w.ok('job approve --id demo --actor cy --private-key-env CY_KEY --expires 2h', {
      env,
    });
    assert.deepEqual(second.approval, { ...tally, approvals: 2, still_needed: 0 });
    assert.deepEqual(second.job?.open_decisions, []);
    assert.equal((await w.ok('job resume --id demo')).job?.status, 'running');
    await w.ok('job checkpoint add --id demo --type completed --summary done');
    assert.deepEqual((await w.ok('job verify --id demo')).verification?.findings, []);

    await w.ok('pack build --type job --from demo --out demo.zip');
    const verified = await w.ok('pack verify demo.zip --public-key ann.pub');
    assert.deepEqual(verified.verify?.approval_signatures, { total: 2, valid: 2, trusted: 1 });
    const text = await w.text('pack verify demo.zip');
    assert.match(text, /passed +payload: approval signatures/);
    assert.match(text, /2 of 2 approvals are signed by approvers that the job names, 0 of them with a key/);
    const shown = await w.text('pack inspect demo.zip');
    assert.match(shown, /cp_0001 {2}migrate\? {2}approved by cy/);
    assert.match(shown, new RegExp(`signed {2}by ann with the key ${ANN.keyId} until`));
    assert.match(shown, /2 of these 3 keys had to sign/);
    await w.ok('pack inspect demo.zip');
  });

  test('tells on every side how far a decision is', async (t) => {
    const w = await workspace(t);
    await keyFiles(w);
    await asking(w);
    await w.ok('job approve --id demo --actor ann --private-key ann.key');
    const status = await w.text('job status --id demo');
    assert.match(status, /cp_0001 is open: migrate\? {2}\(1 of 2 signed approvals, 1 more needed\)/);
    assert.match(status, new RegExp(`signed by ann with the key ${ANN.keyId}, until `));
    assert.match(status, new RegExp(`2 of these 3 keys have to sign each decision:[\\s\\S]*${BOB.keyId}`));
    const shown = await w.ok('job checkpoint show --id demo --checkpoint cp_0001');
    assert.equal(shown.approval?.still_needed, 1);
    assert.equal(shown.approvals?.[0]?.key_id, ANN.keyId);
    assert.match(
      await w.text('job checkpoint show --id demo --checkpoint cp_0001'),
      /by ann, signed with the key [0-9a-f]{64} until .*: approved\n {2}1 of 2 signed approvals, 1 more needed/,
    );
    const inspected = await w.ok('job inspect --id demo');
    assert.equal(inspected.approvals?.[0]?.key_id, ANN.keyId);
    const told = await w.text('job inspect --id demo');
    assert.match(told, /its decisions need 2 of 3 approvers to sign/);
    assert.match(told, new RegExp(`approved cp_0001, signed with the key ${ANN.keyId} until `));
    assert.match(
      await w.text('job approve --id demo --actor bob --private-key bob.key'),
      /^cp_0001: 2 of 2 signed approvals, enough until the job is resumed\n/,
    );
    assert.match(await w.text('job status --id demo'), /cp_0001 is approved: migrate\?/);
  });

  test('keeps no private key anywhere', async (t) => {
    const w = await workspace(t);
    await asking(await keyed(w));
    const answer = await w.gait('job approve --id demo --private-key ann.key --json');
    const written = Object.values(await w.everything('gait-out')).join('\n') + answer.stdout + answer.stderr;
    assert.ok(written.includes(ANN.keyId));
    for (const secret of secretsOf(ANN.encoded)) assert.ok(!written.includes(secret));
  });
});

async function keyed(w: Workspace): Promise<Workspace> {
  await keyFiles(w);
  return w;
}

describe('refused, and nothing is written:', () => {
  const shared = sharedWorkspace(async (w) => {
    await keyFiles(w);
    await asking(w);
    await w.ok('job approve --id demo --private-key ann.key');
    await w.ok('job submit --id plain');
    await w.ok(`job checkpoint add --id plain ${ASK}`);
    await writeFile(w.path('small.pub'), keyFileText(Buffer.alloc(32)));
  });

  const APPROVE = 'job approve --id demo';
  for (const [line, code, category] of [
    [APPROVE, 'approval_unsigned', 'approval_required'],
    [`${APPROVE} --private-key mallory.key`, 'approver_unknown', 'approval_required'],
    [`${APPROVE} --private-key ann.key --actor bob`, 'approver_repeated', 'invalid_input'],
    [`${APPROVE} --private-key bob.key --expires 31d`, 'expiry_invalid', 'invalid_input'],
    [`${APPROVE} --private-key bob.key --expires 1ms`, 'expiry_invalid', 'invalid_input'],
    [`${APPROVE} --private-key bob.key --expires soon`, 'flag_value_invalid', 'invalid_input'],
    [`${APPROVE} --expires 1h`, 'private_key_missing', 'invalid_input'],
    [`${APPROVE} --private-key bob.pub`, 'key_malformed', 'invalid_input'],
    [`${APPROVE} --private-key bob.key --private-key-env KEY`, 'flags_conflict', 'invalid_input'],
    ['job approve --id plain --private-key ann.key', 'approvers_missing', 'invalid_input'],
    ['job resume --id demo', 'approval_required', 'approval_required'],
    ['job submit --id new --approvals-required 1', 'flag_missing', 'invalid_input'],
    [`job submit --id new ${APPROVERS} --approvals-required 4`, 'approvers_invalid', 'invalid_input'],
    [`job submit --id new ${APPROVERS} --approvals-required 0`, 'approvers_invalid', 'invalid_input'],
    [
      'job submit --id new --approver-key ann.pub --approver-key ann.pub --approvals-required 2',
      'approvers_invalid',
      'invalid_input',
    ],
    ['job submit --id new --approver-key small.pub', 'key_untrustworthy', 'invalid_input'],
    ['job submit --id new --approver-key gone.pub', 'file_not_found', 'invalid_input'],
  ] as const) {
    test(`${line}: ${code}`, async () => {
      const before = await shared().everything();
      await shared().refused(line, code, category);
      await shared().unchanged(before);
    });
  }
});

describe('an approval that expired before the resume', () => {
  test('does not count, is named, and can be made again', async (t) => {
    const w = await keyed(await workspace(t));
    const clock = manualClock(Date.now() - 3 * HOUR);
    const people = new JobWorkspace({ dir: w.path('gait-out'), clock });
    t.after(() => people.close());
    await askingEarlier(people);
    await people.approve('demo', { by: 'ann', key: ANN, expiresMs: HOUR });
    await people.approve('demo', { by: 'bob', key: BOB, expiresMs: 24 * HOUR });
    assert.match(await w.text('job status --id demo'), /cp_0001 is open: migrate\? {2}\(1 of 2 signed/);
    assert.match(await w.text('job status --id demo'), /signed by ann with the key [0-9a-f]{64}, expired /);
    const refused = await w.refused('job resume --id demo', 'approval_required', 'approval_required');
    assert.match(refused.error ?? '', /1 of 2 signed approvals, that of ann expired at /);
    await w.refused('job approve --id demo --private-key bob.key', 'approver_repeated', 'invalid_input');
    assert.equal((await w.ok('job approve --id demo --private-key ann.key')).approval?.still_needed, 0);
    assert.equal((await w.ok('job resume --id demo')).job?.status, 'running');
    assert.deepEqual((await w.ok('job verify --id demo')).verification?.findings, []);
  });

  test('but the job was resumed on stays given', async (t) => {
    const w = await keyed(await workspace(t));
    const clock = manualClock(Date.now() - 3 * HOUR);
    const people = new JobWorkspace({ dir: w.path('gait-out'), clock });
    t.after(() => people.close());
    await askingEarlier(people);
    for (const key of [ANN, BOB]) await people.approve('demo', { key, expiresMs: HOUR });
    const { environment_fingerprint: fingerprint, environment } = await people.state('demo');
    const claim = environment === null ? { fingerprint } : { fingerprint, environment };
    await people.jobs.execute('demo', { actor: 'a' }, { kind: 'resume', claim, allowEnvMismatch: false });
    const done = await w.ok('job checkpoint add --id demo --type completed --summary done');
    assert.equal(done.job?.status, 'completed');
  });
});

test('an approval of one job in the log of another is damage, though the chain fits', async (t) => {
  const w = await keyed(await workspace(t));
  for (const id of ['one', 'two']) await asking(w, id);
  await w.ok('job approve --id one --private-key ann.key');
  const [approval] = (await w.ok('job log --id one')).events?.slice(2) ?? [];
  const events = [...((await w.ok('job log --id two')).events ?? []), { ...approval, job_id: 'two' }];
  const { records } = seal('two', 'job_id', 'none', events as unknown as JsonObject[]);
  await w.writeLog('two', Buffer.concat(records.map(({ line }) => line)));
  const { verification } = (await w.gait('job verify --id two --json')).json();
  assert.deepEqual(
    verification?.findings.map(({ code, revision }) => [code, revision]),
    [['illegal_event', 3]],
  );
  await w.refused('job resume --id two', 'log_damaged', 'verification_failed');
});
