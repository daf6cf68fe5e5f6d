import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type GaitError, ioFailure } from '../../src/core/errors.ts';
import { LogDamage } from '../../src/log/record.ts';
import type { EventStore } from '../../src/log/store.ts';
import { JOB_ID } from '../support/given.ts';
import { filling, memoryStores, noting, passingOn } from '../support/job_stores.ts';
import { aFewLooks, GRACE, QUESTION, reasonOf, SCENES, Scene, TTL, until } from '../support/leased.ts';
import { gaitError } from '../support/refusals.ts';

/** What a person may do to a job, and the status that it leaves. */
const PERSONS = {
  pause: 'paused',
  cancel: 'cancelled',
  stop: 'emergency_stopped',
} as const;

for (const [kind, scene] of SCENES) {
  describe(`a leased job in a ${kind}`, () => {
    scene('writes with its token, and is done when it completes', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      await job.checkpoint('one of two', 'plan');
      await job.checkpoint('two of two');
      const state = await job.complete('both');
      assert.deepEqual(
        { status: state.status, lease: state.lease, steps: state.usage.steps },
        { status: 'completed', lease: null, steps: 1 },
      );
      const events = await scene.events();
      assert.deepEqual(
        events.map(({ type, actor }) => [type, actor]),
        ['submitted', 'lease_acquired', 'checkpoint_added', 'checkpoint_added', 'checkpoint_added'].map(
          (type) => [type, 'agent'],
        ),
      );
      for (const event of events) {
        if (event.type === 'checkpoint_added') assert.equal(event.payload.token, job.token);
      }
      gaitError('lease_given_back')(job.signal.reason);
    });

    scene('is nobody else’s until it is released, and has a higher token then', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const other = scene.workspace('other');
      await assert.rejects(other.claim(JOB_ID), gaitError('lease_held'));
      const released = await job.release('interrupted', 'over to you');
      assert.equal(released.lease, null);
      const next = await other.claim(JOB_ID);
      assert.ok(next.token > job.token);
      await assert.rejects(job.checkpoint('late'), gaitError('lease_lost'));
      assert.equal(await scene.count('checkpoint_added'), 0);
    });

    scene('is left to a person by a block', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const { status, lease } = await job.block('no such table');
      assert.deepEqual({ status, lease }, { status: 'blocked', lease: null });
      gaitError('lease_given_back')(job.signal.reason);
    });

    scene('is renewed in time, and no more once it was given back', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const expiry = async (): Promise<string> => (await job.state()).lease?.expires_at ?? '';
      const first = await expiry();
      scene.pass(TTL / 2);
      await until('the lease is renewed', async () => (await expiry()) > first);
      assert.equal(job.signal.aborted, false);
      await job.release();
      const events = await scene.types();
      scene.pass(TTL / 2);
      await aFewLooks();
      assert.deepEqual(await scene.types(), events);
    });

    scene('leaves its log alone once it was given back', async (scene) => {
      const store = noting(scene.store());
      const job = await scene.leased(scene.workspace('agent', store));
      const before = store.readAfter.length;
      await until('the log is looked at', () => store.readAfter.length > before);
      await job.complete('done');
      await aFewLooks(); // one may have been under way
      const reads = store.readAfter.length;
      await aFewLooks();
      assert.equal(store.readAfter.length, reads);
      gaitError('lease_given_back')(job.signal.reason);
    });

    scene(
      'was given back, and not interrupted, when its end is seen before the disk confirms it',
      async (scene) => {
        const inner = scene.store();
        const append: EventStore['append'] = async (batch) => {
          const outcome = await inner.append(batch);
          await aFewLooks();
          return outcome;
        };
        const job = await scene.leased(scene.workspace('agent', { ...passingOn(inner), append }));
        await job.complete('done');
        gaitError('lease_given_back')(job.signal.reason);
      },
    );

    for (const [order, status] of Object.entries(PERSONS) as [keyof typeof PERSONS, string][]) {
      scene(`has to stop when a person orders: ${order}`, async (scene) => {
        const job = await scene.leased(scene.workspace('agent'));
        await scene.workspace('alice').jobs.execute(JOB_ID, { actor: 'alice' }, { kind: order });
        const reason = await reasonOf(job.signal);
        gaitError('work_interrupted')(reason);
        assert.equal(reason.details['status'], status);
      });
    }

    scene('says on a write that it was paused, before any look did; can be released then', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      await scene.workspace('alice').jobs.execute(JOB_ID, { actor: 'alice' }, { kind: 'pause' });
      await assert.rejects(job.complete('done'), gaitError('work_interrupted'));
      assert.equal(job.signal.aborted, true);
      assert.equal((await job.release('interrupted')).lease, null);
    });

    scene('has to stop when another worker took it over, and can write nothing', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      scene.clock.advance(TTL + GRACE);
      const next = await scene.workspace('other').claim(JOB_ID, { ttlMs: TTL, graceMs: GRACE });
      await assert.rejects(job.checkpoint('from the grave'), gaitError('lease_lost'));
      gaitError('lease_lost')(await reasonOf(job.signal));
      await assert.rejects(job.complete('done'), gaitError('lease_lost'));
      await assert.rejects(job.release(), gaitError('lease_lost'));
      await assert.rejects(job.decision(QUESTION), gaitError('lease_lost'));
      assert.equal(await scene.count('checkpoint_added'), 0);
      assert.equal(next.signal.aborted, false);
    });

    scene('has to stop when it is taken over, though it writes nothing', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      scene.clock.advance(TTL + GRACE);
      await scene.workspace('other').claim(JOB_ID, { ttlMs: TTL, graceMs: GRACE });
      gaitError('lease_lost', 'state_contention')(await reasonOf(job.signal));
    });

    scene('stays leased when completing is refused, since a decision is open', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const asked = job.decision(QUESTION);
      await until('the question is asked', async () => (await scene.askings()) === 1);
      await assert.rejects(job.complete('done'), gaitError('transition_not_allowed'));
      assert.equal(job.signal.aborted, false);
      await scene.workspace('alice').approve(JOB_ID, { reason: 'yes' });
      await asked;
      assert.equal((await job.complete('done')).status, 'completed');
    });

    scene('has to stop when its budget is used up', async (scene) => {
      const workspace = scene.workspace('agent');
      await workspace.submit(JOB_ID, { budget: { max_steps: 1 } });
      const job = await workspace.claim(JOB_ID);
      await job.checkpoint('one');
      await assert.rejects(job.checkpoint('two'), gaitError('budget_exceeded'));
      gaitError('budget_exceeded')(job.signal.reason);
      const { status, lease } = await job.release();
      assert.deepEqual({ status, lease }, { status: 'blocked', lease: null });
    });

    scene('has to stop when its time is used up while nothing is written', async (scene) => {
      const workspace = scene.workspace('agent');
      await workspace.submit(JOB_ID, { budget: { max_wall_ms: TTL / 3 } });
      const job = await workspace.claim(JOB_ID, { ttlMs: TTL });
      scene.pass(TTL / 2);
      gaitError('budget_exceeded')(await reasonOf(job.signal));
      assert.equal((await job.state()).status, 'blocked');
    });

    scene('refuses what is no text, and writes nothing', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const nothing = undefined as unknown as string;
      await assert.rejects(job.checkpoint(nothing), gaitError('summary_invalid'));
      await assert.rejects(job.decision({ ...QUESTION, summary: ' ' }), gaitError('summary_invalid'));
      await assert.rejects(
        job.decision({ ...QUESTION, requiredAction: nothing }),
        gaitError('required_action_missing'),
      );
      assert.deepEqual(await scene.types(), ['submitted', 'lease_acquired']);
      assert.equal(job.signal.aborted, false);
    });

    scene('ends with its workspace, which does not give the lease back', async (scene) => {
      const workspace = scene.workspace('agent');
      const job = await scene.leased(workspace);
      const asked = job.decision(QUESTION);
      await until('the question is asked', async () => (await scene.askings()) === 1);
      await workspace.close();
      await assert.rejects(asked, gaitError('workspace_closed'));
      gaitError('workspace_closed')(job.signal.reason);
      await assert.rejects(workspace.claim(JOB_ID), gaitError('workspace_closed'));
      assert.equal((await scene.workspace('reader').state(JOB_ID)).lease?.token, job.token);
    });
  });
}

/** A store on a disk of which this process sees nothing from `hang` on: no call comes back. */
function hanging(store: EventStore): EventStore & { hang(): void } {
  let hangs = false;
  return {
    ...passingOn(store),
    hang() {
      hangs = true;
    },
    append: (batch) => (hangs ? new Promise(() => {}) : store.append(batch)),
  };
}

/** A store whose reads throw what `breakWith` said last. */
function breaking(store: EventStore): EventStore & { breakWith(error: unknown): void } {
  let broken: unknown;
  return {
    ...passingOn(store),
    breakWith(error) {
      broken = error;
    },
    read(stream, options) {
      if (broken !== undefined) throw broken;
      return store.read(stream, options);
    },
  };
}

describe('a lease on a bad disk', () => {
  const noSpace = (): GaitError =>
    ioFailure(Object.assign(new Error('no space'), { code: 'ENOSPC' }), 'in a test');

  test('is lost by the time that passed, when no renewal comes back', async () => {
    const scene = new Scene(memoryStores());
    const store = hanging(scene.store());
    const job = await scene.leased(scene.workspace('agent', store));
    store.hang();
    scene.passUnnoticed(TTL * 0.9);
    await aFewLooks();
    assert.equal(job.signal.aborted, false, 'there is time left');
    scene.passUnnoticed(TTL * 0.1);
    gaitError('lease_lost')(await reasonOf(job.signal));
  });

  test('is kept when a renewal failed and the next one did not', async () => {
    const scene = new Scene(memoryStores());
    const store = filling(scene.store());
    const job = await scene.leased(scene.workspace('agent', store));
    store.fillUp();
    scene.pass(TTL / 2);
    await until('it is renewed', async () => (await scene.count('lease_renewed')) === 1);
    scene.pass(TTL * 0.9);
    await until('it is renewed again', async () => (await scene.count('lease_renewed')) === 2);
    assert.equal(job.signal.aborted, false);
    await scene.close();
  });

  test('is lost by the time that passed, when every renewal fails', async () => {
    const scene = new Scene(memoryStores());
    const inner = scene.store();
    let full = false;
    const append: EventStore['append'] = async (batch) => {
      if (full) throw noSpace();
      return inner.append(batch);
    };
    const job = await scene.leased(scene.workspace('agent', { ...passingOn(inner), append }));
    full = true;
    scene.passUnnoticed(TTL * 0.9);
    await aFewLooks();
    assert.equal(job.signal.aborted, false, 'there is time left');
    scene.passUnnoticed(TTL * 0.1);
    gaitError('lease_lost')(await reasonOf(job.signal));
  });

  test('outlives a read that failed, also while it waits for a person', async () => {
    const scene = new Scene(memoryStores());
    const store = breaking(scene.store());
    const job = await scene.leased(scene.workspace('agent', store));
    const asked = job.decision(QUESTION);
    await until('the question is asked', async () => (await scene.askings()) === 1);
    store.breakWith(noSpace());
    await aFewLooks();
    store.breakWith(undefined);
    await scene.workspace('alice').approve(JOB_ID, { reason: 'yes' });
    assert.equal((await asked).approvedBy, 'alice');
    assert.equal(job.signal.aborted, false);
    await scene.close();
  });

  test('ends with the damage of its log', async () => {
    const scene = new Scene(memoryStores());
    const store = breaking(scene.store());
    const job = await scene.leased(scene.workspace('agent', store));
    store.breakWith(new LogDamage({ stream: JOB_ID, revision: 3, offset: 9 }, 'hash_mismatch', 'in a test'));
    gaitError('log_damaged')(await reasonOf(job.signal));
  });

  test('ends with a typed error when the store is broken', async () => {
    const scene = new Scene(memoryStores());
    const store = breaking(scene.store());
    const job = await scene.leased(scene.workspace('agent', store));
    store.breakWith(new TypeError('a bug'));
    const reason = await reasonOf(job.signal);
    gaitError('unexpected', 'internal_failure')(reason);
    assert.match(reason.message, /a bug/);
  });
});
