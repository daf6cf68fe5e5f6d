import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { workspace } from '../support/cli.ts';
import { standStill } from '../support/stopped.ts';
import {
  appeared,
  BRIEF,
  becomes,
  eventsOf,
  eventsOfType,
  gone,
  linesIn,
  lives,
  pidIn,
  runLine,
  startWorker,
  stateOf,
  submit,
} from '../support/work.ts';

describe('a runner that is gone', { concurrency: 4 }, () => {
  test('killed: its command ends too, and another worker takes the job over after lease and grace', async (t) => {
    const w = await workspace(t);
    await submit(w, 'demo', '[ -e pid ] && { echo again >again; exit 0; }; echo $$ >pid; exec sleep 60');
    const first = startWorker(w, 'first', ...BRIEF);
    const pid = await pidIn(w, 'pid');
    first.child.kill('SIGKILL');
    await gone(pid);
    const second = startWorker(w, 'second');
    t.after(() => second.child.kill('SIGKILL'));
    await becomes(w, 'demo', ({ status }) => status === 'completed');
    second.child.kill('SIGTERM');
    assert.equal((await second.done).exit, 0);
    const [before, after] = await eventsOfType(w, 'demo', 'lease_acquired');
    assert.deepEqual(after?.payload.taken_over, { worker_id: 'first', token: before?.payload.token });
    const renewals = await eventsOfType(w, 'demo', 'lease_renewed');
    const last = renewals.filter(({ payload }) => payload.token === before?.payload.token).at(-1);
    const due = Date.parse((last ?? before)?.payload.expires_at ?? '') + 2000;
    assert.ok(Date.parse(after?.created_at ?? '') >= due, 'taken over too early');
    assert.deepEqual(linesIn(w, 'again'), ['again']);
  });

  test('stopped past its lease, then continued: it adds nothing, and its command was ended', async (t) => {
    const w = await workspace(t);
    await submit(w, 'demo', '[ -e pid ] && exit 0; echo $$ >pid; exec sleep 60');
    const first = w.start('job run --json --id demo --worker first --ttl 1s --complete');
    t.after(() => first.child.kill('SIGKILL'));
    const pid = await pidIn(w, 'pid');
    await standStill(first.child, w.folder('demo', 'log.ndjson'));
    const second = startWorker(w, 'second');
    t.after(() => second.child.kill('SIGKILL'));
    await becomes(w, 'demo', ({ status }) => status === 'completed');
    assert.ok(!lives(pid), 'the command of the first worker still ran when the second one was done');
    const before = await w.logOf('demo');
    first.child.kill('SIGCONT');
    const { error_code } = (await first.done).json();
    assert.equal(error_code, 'lease_lost');
    assert.ok(before.equals(await w.logOf('demo')), 'it wrote');
    second.child.kill('SIGTERM');
    await second.done;
    const events = await eventsOf(w, 'demo');
    const taken = events.findIndex(({ reason_code }) => reason_code === 'lease_taken_over');
    assert.ok(taken > 0 && events.slice(taken).every(({ actor }) => actor === 'second'));
  });

  test('continued while the other works: the other is not disturbed', async (t) => {
    const w = await workspace(t);
    await submit(
      w,
      'demo',
      '[ -e pid ] && { echo >two; while ! [ -e go ]; do sleep 0.05; done; exit 0; }; echo $$ >pid; exec sleep 60',
    );
    const first = w.start('job run --json --id demo --worker first --ttl 1s --complete');
    t.after(() => first.child.kill('SIGKILL'));
    await pidIn(w, 'pid');
    await standStill(first.child, w.folder('demo', 'log.ndjson'));
    const second = startWorker(w, 'second');
    t.after(() => second.child.kill('SIGKILL'));
    await appeared(w, 'two');
    first.child.kill('SIGCONT');
    assert.equal((await first.done).json().error_code, 'lease_lost');
    assert.equal((await stateOf(w, 'demo')).lease?.worker_id, 'second');
    await w.gait(runLine('demo', 'true')); // a claim is refused: it is held
    await rename(w.path('pid'), w.path('go'));
    await becomes(w, 'demo', ({ status }) => status === 'completed');
    second.child.kill('SIGTERM');
    assert.equal((await second.done).json().work?.['finished'], 1);
  });
});

describe('a root that goes away under the runner', () => {
  test('the command is ended, the answer is an error, and once the root is back the job can be run', async (t) => {
    const w = await workspace(t);
    await submit(w, 'demo', '[ -e pid ] && exit 0; echo $$ >pid; exec sleep 60');
    const running = w.start('job run --json --id demo --worker first --ttl 1s --complete');
    const pid = await pidIn(w, 'pid');
    await rename(w.path('gait-out'), w.path('elsewhere'));
    await gone(pid);
    assert.equal((await running.done).json().exit_code, 1);
    await rename(w.path('elsewhere'), w.path('gait-out'));
    const second = startWorker(w, 'second');
    t.after(() => second.child.kill('SIGKILL'));
    await becomes(w, 'demo', ({ status }) => status === 'completed');
    second.child.kill('SIGTERM');
    assert.equal((await second.done).exit, 0);
  });
});
