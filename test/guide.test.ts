import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { workspace } from './support/cli.ts';
import { type Guide, installGuide, readGuide, startProgram } from './support/examples.ts';
import { until } from './support/leased.ts';

const GUIDE = readGuide('agent.md');

/** The line of the guide that starts with these words. */
function lineOf(words: string): string {
  const found = GUIDE.lines.find((line) => line.startsWith(words));
  assert.ok(found !== undefined, `the guide has no line: ${words}`);
  return found;
}

/** The guide with a worker whose first step lasts until there is a file `go`, so that a pause always finds it at work. */
function waitingGuide(): Guide {
  const step = 'await sleep(700, undefined,';
  const [before = '', after = '', ...more] = (GUIDE.programs.get('worker.mjs') ?? '').split(step);
  assert.ok(before !== '' && after !== '' && more.length === 0, `the worker has one step: ${step}`);
  const here = "await import('node:fs').then(({ existsSync }) => existsSync('go'))";
  const waiting = `await sleep((${here}) ? 1 : 3_600_000, undefined,`;
  return { ...GUIDE, programs: new Map([['worker.mjs', before + waiting + after]]) };
}

describe('the guide for agents', { concurrency: true }, () => {
  test('has three programs, and no command line that is not tried', () => {
    assert.deepEqual([...GUIDE.programs.keys()], ['agent.mjs', 'worker.mjs', 'watch.mjs']);
    const tried = ['job status', 'job approve', 'job submit', 'job pause', 'job resume'];
    assert.deepEqual(
      GUIDE.lines.map((line) => line.split(' ').slice(0, 2).join(' ')),
      tried,
    );
  });

  test('the agent takes up its work after each kill, and asks once', async (t) => {
    const here = await workspace(t);
    await installGuide(GUIDE, here.dir);

    const first = startProgram(here.dir, 'agent.mjs');
    await first.prints('customers: moved\n');
    first.child.kill('SIGKILL');
    assert.equal(await first.ended, 'SIGKILL');

    const second = startProgram(here.dir, 'agent.mjs');
    const asked = async (): Promise<boolean> =>
      (await here.jobs.load('move')).state.open_decisions.length > 0;
    await until('the agent asks', asked);
    second.child.kill('SIGKILL');
    assert.equal(await second.ended, 'SIGKILL');
    assert.match(
      second.output(),
      /^customers: moved before\norders: moved( before)?\npayments: asking\n$/,
      'what was done is not done again',
    );

    const third = startProgram(here.dir, 'agent.mjs');
    const watch = startProgram(here.dir, 'watch.mjs');
    await watch.prints('decision_needed');
    assert.match(await here.text(lineOf('job status')), /cp_0003 is open: move it all the same\?/);
    await here.text(lineOf('job approve'));
    assert.equal(await third.ended, 0, third.output());
    assert.deepEqual(third.output().trim().split('\n'), [
      'customers: moved before',
      'orders: moved before',
      'payments: asking',
      'payments: alice says: tested on the copy',
      'payments: moved',
    ]);

    assert.equal(await watch.ended, 0, watch.output());
    const seen = watch.output().trim().split('\n');
    const { events: log = [] } = await here.ok('job log --id move');
    assert.equal(seen.length, log.filter(({ type }) => type !== 'lease_renewed').length);
    assert.match(seen.at(-1) ?? '', /^\d+ mover checkpoint_added completed$/);
    assert.equal(log.filter(({ type }) => type === 'approved').length, 1);
    assert.equal(
      log.filter(({ type }) => type === 'checkpoint_added').length,
      5,
      '3 tables, 1 question, the end',
    );
  });

  test('the worker does every job once, and obeys a pause', async (t) => {
    const here = await workspace(t);
    await installGuide(waitingGuide(), here.dir);
    await here.text(lineOf('job submit'));
    const worker = startProgram(here.dir, 'worker.mjs');
    await worker.prints('first: started\n');
    await here.text(lineOf('job pause'));
    await worker.prints('first: job first is paused (paused_by_user)\n');
    await writeFile(here.path('go'), '');
    await here.text('job submit --id second --actor alice');
    await worker.prints('second: done\n');
    const { checkpoint_count } = (await here.jobs.load('first')).state;
    assert.equal(checkpoint_count, 0, 'nothing is done while it is paused');
    await here.text(lineOf('job resume'));
    await worker.prints('first: done\n');
    worker.child.kill('SIGTERM');
    assert.equal(await worker.ended, 0, worker.output());
    for (const id of ['first', 'second']) {
      const { status, lease } = (await here.jobs.load(id)).state;
      assert.deepEqual({ id, status, lease }, { id, status: 'completed', lease: null });
      await here.ok(`job verify --id ${id}`);
    }
  });
});
