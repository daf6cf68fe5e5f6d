import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { JOB_ID } from '../support/given.ts';
import { Stage } from '../support/stage.ts';

const PERSON = { actor: 'a' };
const LONG = { ttlMs: 3_600_000, killAfterMs: 600_000 };

describe('a command that listens to nothing', () => {
  test('of a paused job is asked at the next look, and killed after its time', async () => {
    const stage = new Stage();
    await stage.submit();
    const run = await stage.run(LONG);
    await stage.jobs.execute(JOB_ID, PERSON, { kind: 'pause' });
    await stage.pass(700_000);
    assert.deepEqual(run.kills, ['SIGTERM 1000', 'SIGKILL 601000']);
    assert.equal(run.result().outcome, 'interrupted');
  });

  test('is killed at the next look when the job is stopped after it was paused', async () => {
    const stage = new Stage();
    await stage.submit();
    const run = await stage.run(LONG);
    await stage.jobs.execute(JOB_ID, PERSON, { kind: 'pause' });
    await stage.pass(5500);
    await stage.jobs.execute(JOB_ID, PERSON, { kind: 'stop' });
    await stage.pass(1000);
    assert.deepEqual(run.kills, ['SIGTERM 1000', 'SIGKILL 6000']);
  });

  test('is asked when the time of its budget is up, however far the next renewal is', async () => {
    const stage = new Stage();
    await stage.submit({ max_wall_ms: 90_500 });
    const run = await stage.run(LONG);
    await stage.pass(90_400);
    assert.deepEqual(run.kills, []);
    await stage.pass(1100);
    assert.equal(run.kills[0], 'SIGTERM 90500');
    assert.equal((await stage.state()).stop_reason, 'budget_wall_exceeded');
  });
});
