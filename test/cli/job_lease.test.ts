import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Workspace, workspace } from '../support/cli.ts';
import { assertSound, eventsOf, eventsOfType, library, stateOf, until } from '../support/work.ts';

/** A job that a worker holds; answers the token. */
async function claimed(w: Workspace, ttl = '60s'): Promise<number> {
  await w.ok('job submit --id demo');
  const { token } = await w.ok(`job claim --id demo --worker w1 --ttl ${ttl}`);
  assert.ok(token !== undefined);
  return token;
}

/** Refused, and not a byte of the log is another. */
async function nothingWritten(
  w: Workspace,
  line: string,
  code: string,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const before = await w.logOf('demo');
  const category = code === 'lease_lost' || code === 'lease_held' ? 'state_contention' : 'invalid_input';
  await w.refused(line, code, category, { env });
  assert.ok(before.equals(await w.logOf('demo')), line);
}

describe('a lease', () => {
  test('is given to one worker, who may renew it and give it back; the next token is higher', async (t) => {
    const w = await workspace(t);
    const token = await claimed(w);
    const { lease } = await stateOf(w, 'demo');
    assert.deepEqual([lease?.worker_id, lease?.token], ['w1', token]);
    assert.equal(Date.parse(lease?.expires_at ?? '') - Date.parse(lease?.acquired_at ?? ''), 60_000);

    const held = (await w.gait('job claim --id demo --worker w2 --json')).json();
    assert.deepEqual([held.error_code, held.retryable, held.exit_code], ['lease_held', true, 1]);
    await nothingWritten(w, 'job claim --id demo --worker w1', 'lease_held');

    const renewed = await w.ok(`job renew --id demo --worker w1 --token ${token} --ttl 5m`);
    assert.ok((renewed.lease?.expires_at ?? '') > (lease?.expires_at ?? 'z'));
    await w.ok(`job release --id demo --worker w1 --token ${token} --outcome failed --reason 'no disk'`);
    const [released] = await eventsOfType(w, 'demo', 'lease_released');
    assert.deepEqual(released?.payload, { token, outcome: 'failed', reason: 'no disk' });
    await nothingWritten(w, `job renew --id demo --worker w1 --token ${token}`, 'lease_lost');
    await nothingWritten(w, `job release --id demo --worker w1 --token ${token}`, 'lease_lost');

    const next = await w.ok('job claim --id demo --worker w2');
    assert.ok((next.token ?? 0) > token);
    await assertSound(w, 'demo');
  });

  test('is needed by checkpoints while it lasts: without its token, or with another, nothing is written', async (t) => {
    const w = await workspace(t);
    const token = await claimed(w);
    for (const type of ['progress', 'plan', 'completed', 'blocked']) {
      const add = `job checkpoint add --id demo --type ${type} --summary s`;
      await nothingWritten(w, add, 'lease_lost');
      await nothingWritten(w, `${add} --worker w1 --token ${token + 1}`, 'lease_lost');
      await nothingWritten(w, `${add} --worker w2 --token ${token}`, 'lease_lost');
      await nothingWritten(w, `${add} --actor w2 --token ${token}`, 'lease_lost');
    }
    const add = 'job checkpoint add --id demo --summary s';
    await w.ok(`${add} --worker w1 --token ${token}`);
    await w.ok(add, { env: { GAIT_JOB_ID: 'demo', GAIT_WORKER: 'w1', GAIT_LEASE_TOKEN: String(token) } });
    await nothingWritten(w, add, 'lease_lost', {
      GAIT_JOB_ID: 'other',
      GAIT_WORKER: 'w1',
      GAIT_LEASE_TOKEN: String(token),
    });
    await w.ok(`job release --id demo --worker w1 --token ${token}`);
    await nothingWritten(w, `${add} --worker w1 --token ${token}`, 'lease_lost');
    const { checkpoint } = await w.ok(add);
    assert.equal(checkpoint?.checkpoint_id, 'cp_0003');
  });

  test('is not needed by operators', async (t) => {
    const w = await workspace(t);
    const token = await claimed(w);
    const asks = `job checkpoint add --id demo --type decision-needed --summary s --required-action a --worker w1 --token ${token}`;
    await w.ok(asks);
    await w.ok('job approve --id demo');
    await w.ok('job resume --id demo');
    await w.ok('job pause --id demo');
    await w.ok('job resume --id demo');
    assert.equal((await stateOf(w, 'demo')).lease?.token, token);
    await w.ok('job cancel --id demo');
    assert.equal((await stateOf(w, 'demo')).lease, null);
    for (const line of [
      `job checkpoint add --id demo --summary s --worker w1 --token ${token}`,
      `job renew --id demo --worker w1 --token ${token}`,
      `job release --id demo --worker w1 --token ${token}`,
      'job claim --id demo',
    ]) {
      const before = await w.logOf('demo');
      assert.equal((await w.gait(`${line} --json`)).json().ok, false);
      assert.ok(before.equals(await w.logOf('demo')), line);
    }
  });

  test('is given only for jobs that are running', async (t) => {
    const w = await workspace(t);
    await w.refused('job claim --id demo', 'job_not_found', 'invalid_input');
    await w.ok('job submit --id demo');
    await w.ok('job pause --id demo');
    await nothingWritten(w, 'job claim --id demo', 'transition_not_allowed');
    await w.ok('job stop --id demo');
    await nothingWritten(w, 'job claim --id demo', 'transition_not_allowed');
  });

  test('ends with the job that its holder completes', async (t) => {
    const w = await workspace(t);
    const token = await claimed(w);
    await w.ok(`job checkpoint add --id demo --type completed --summary done --worker w1 --token ${token}`);
    const { status, lease } = await stateOf(w, 'demo');
    assert.deepEqual([status, lease], ['completed', null]);
  });

  test('of an unheard length, and tokens that are none, are refused', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    for (const ttl of ['999ms', '25h'])
      await nothingWritten(w, `job claim --id demo --ttl ${ttl}`, 'ttl_invalid');
    for (const ttl of ['0s', '1.5s', 'soon', '-1s'])
      await nothingWritten(w, `job claim --id demo --ttl=${ttl}`, 'flag_value_invalid');
    for (const token of ['0', '-1', '1.5', 'abc', '99999999999999999999'])
      for (const line of ['renew --id demo', 'release --id demo', 'checkpoint add --id demo --summary s'])
        await nothingWritten(w, `job ${line} --token=${token}`, 'flag_value_invalid');
  });

  test('eight who ask at once: one gets it', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    const asks = Array.from({ length: 8 }, (_, i) =>
      w.gait(`job claim --id demo --worker w${i} --json`, { real: true }),
    );
    const codes = (await Promise.all(asks)).map((result) => result.json().error_code ?? 'given');
    assert.deepEqual(codes.sort(), ['given', ...Array.from({ length: 7 }, () => 'lease_held')]);
    assert.equal((await eventsOf(w, 'demo')).length, 2);
  });
});

describe('a lease that has expired', () => {
  test('is respected for the grace, then taken over; whoever held it can add nothing', async (t) => {
    const w = await workspace(t);
    const token = await claimed(w, '1s');
    const { lease } = await stateOf(w, 'demo');
    const expires = Date.parse(lease?.expires_at ?? '');
    await until('it is taken over', async () => {
      const { ok, error_code } = (await w.gait('job claim --id demo --worker w2 --json')).json();
      if (!ok) assert.equal(error_code, 'lease_held');
      return ok;
    });
    const now = (await stateOf(w, 'demo')).lease;
    assert.equal(now?.worker_id, 'w2');
    assert.ok((now?.token ?? 0) > token);
    assert.ok(Date.parse(now?.acquired_at ?? '') >= expires + 2000, 'by the times in the log');
    const taken = (await eventsOfType(w, 'demo', 'lease_acquired')).at(-1);
    assert.deepEqual(taken?.payload.taken_over, { worker_id: 'w1', token });
    for (const line of [
      `job renew --id demo --worker w1 --token ${token}`,
      `job release --id demo --worker w1 --token ${token}`,
      `job checkpoint add --id demo --summary late --worker w1 --token ${token}`,
      `job checkpoint add --id demo --type completed --summary late --worker w1 --token ${token}`,
    ])
      await nothingWritten(w, line, 'lease_lost');
    await w.ok(`job checkpoint add --id demo --summary mine --worker w2 --token ${now?.token}`);
    await assertSound(w, 'demo');
  });

  test('is still good for its holder as long as nobody has taken it', async (t) => {
    const w = await workspace(t);
    const token = await claimed(w, '1s');
    const expires = Date.parse((await stateOf(w, 'demo')).lease?.expires_at ?? '');
    await until('its time is over', () => Date.now() > expires);
    await w.ok(`job renew --id demo --worker w1 --token ${token} --ttl 60s`);
    await w.ok(`job checkpoint add --id demo --summary s --worker w1 --token ${token}`);
    await nothingWritten(w, 'job claim --id demo --worker w2', 'lease_held');
  });
});

describe('budgets of jobs that are claimed by hand', () => {
  test('--max-attempts: the claim after them blocks the job, and says so', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo --max-attempts 2');
    for (let i = 0; i < 2; i += 1) {
      const { token } = await w.ok('job claim --id demo --worker w1');
      await w.ok(`job release --id demo --worker w1 --token ${token}`);
    }
    await w.refused('job claim --id demo', 'budget_exceeded', 'policy_blocked');
    const { status, stop_reason } = await stateOf(w, 'demo');
    assert.deepEqual([status, stop_reason], ['blocked', 'budget_attempts_exceeded']);
    await w.ok('job resume --id demo');
    await w.ok('job claim --id demo');
  });

  test('--max-steps: the progress after them blocks the job, and says so', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo --max-steps 2');
    const add = 'job checkpoint add --id demo --summary s';
    for (const type of ['progress', 'plan', 'progress']) await w.ok(`${add} --type ${type}`);
    await w.refused(add, 'budget_exceeded', 'policy_blocked');
    const { status, stop_reason, checkpoint_count } = await stateOf(w, 'demo');
    assert.deepEqual([status, stop_reason, checkpoint_count], ['blocked', 'budget_steps_exceeded', 3]);
  });

  test('--max-wall: time runs from the first claim on', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo --max-wall 1s');
    const { token } = await w.ok('job claim --id demo --worker w1');
    await until('a renewal is refused', async () => {
      const answer = (await w.gait(`job renew --id demo --worker w1 --token ${token} --json`)).json();
      if (!answer.ok)
        assert.deepEqual([answer.error_code, answer.error_category], ['budget_exceeded', 'policy_blocked']);
      return !answer.ok;
    });
    const { status, stop_reason } = await stateOf(w, 'demo');
    assert.deepEqual([status, stop_reason], ['blocked', 'budget_wall_exceeded']);
  });

  test('of nothing are refused', async (t) => {
    const w = await workspace(t);
    for (const flag of ['--max-attempts 0', '--max-steps 0', '--max-wall 0s'])
      await w.refused(`job submit --id demo ${flag}`, 'flag_value_invalid', 'invalid_input');
    await assert.rejects(library(w).state('demo'), { code: 'job_not_found' });
  });
});
