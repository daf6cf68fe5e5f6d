import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ioFailure } from '../../src/core/errors.ts';
import { type FollowedEvent, followJob } from '../../src/job/read/follow.ts';
import type { EventStore } from '../../src/log/store.ts';
import { JOB_ID } from '../support/given.ts';
import { noting, passingOn } from '../support/job_stores.ts';
import { SCENES, until } from '../support/leased.ts';
import { gaitError } from '../support/refusals.ts';

/** What is followed, gathered until it ends. */
function gathered(following: AsyncIterable<FollowedEvent>): {
  readonly types: string[];
  readonly ended: Promise<void>;
} {
  const types: string[] = [];
  const gather = async (): Promise<void> => {
    for await (const { event } of following) types.push(event.type);
  };
  const ended = gather();
  ended.catch(() => {});
  return { types, ended };
}

for (const [kind, scene] of SCENES) {
  describe(`following a job in a ${kind}`, () => {
    scene('gives what was, what comes, and the job after each; it ends with the job', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const seen: [revision: number, type: string, status: string][] = [];
      for await (const { event, job: after } of scene.workspace('reader').follow(JOB_ID)) {
        seen.push([event.revision, event.type, after.status]);
        assert.equal(after.revision, event.revision);
        if (event.type === 'lease_acquired') await job.checkpoint('half');
        if (event.revision === 3) await job.complete('all');
      }
      assert.deepEqual(seen, [
        [1, 'submitted', 'running'],
        [2, 'lease_acquired', 'running'],
        [3, 'checkpoint_added', 'running'],
        [4, 'checkpoint_added', 'completed'],
      ]);
    });

    scene('starts after a revision when asked to', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      await job.checkpoint('half');
      await job.complete('all');
      const { types, ended } = gathered(scene.workspace('reader').follow(JOB_ID, { after: 2 }));
      await ended;
      assert.deepEqual(types, ['checkpoint_added', 'checkpoint_added']);
    });

    scene('ends when its signal aborts, and gives nothing after that', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const enough = new AbortController();
      const { types, ended } = gathered(scene.workspace('reader').follow(JOB_ID, { signal: enough.signal }));
      await until('both events are seen', () => types.length === 2);
      enough.abort();
      await job.checkpoint('unseen');
      await ended;
      assert.equal(types.length, 2);
      const none = gathered(scene.workspace('reader').follow(JOB_ID, { signal: enough.signal }));
      await none.ended;
      assert.deepEqual(none.types, []);
    });

    scene('under a lease ends with it, and gives the event that ended it', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const { types, ended } = gathered(job.follow());
      await until('both events are seen', () => types.length === 2);
      await scene.workspace('alice').jobs.execute(JOB_ID, { actor: 'alice' }, { kind: 'pause' });
      await ended;
      assert.deepEqual(types, ['submitted', 'lease_acquired', 'paused']);
      assert.equal(job.signal.aborted, true);
    });

    scene('ends when its workspace is closed', async (scene) => {
      await scene.leased(scene.workspace('agent'));
      const reader = scene.workspace('reader');
      const { types, ended } = gathered(reader.follow(JOB_ID));
      await until('both events are seen', () => types.length === 2);
      await reader.close();
      await ended;
    });

    scene('is refused for a job that does not exist', async (scene) => {
      await assert.rejects(
        gathered(scene.workspace('reader').follow('nobody')).ended,
        gaitError('job_not_found'),
      );
    });

    scene('does not spin while nothing happens', async (scene) => {
      await scene.leased(scene.workspace('agent'));
      const store = noting(scene.store());
      const enough = new AbortController();
      const options = { signal: enough.signal, pollMs: 3_600_000 };
      const { types, ended } = gathered(followJob(store, JOB_ID, options));
      await until('both events are seen', () => types.length === 2);
      for (let i = 0; i < 100; i += 1) await turn();
      enough.abort();
      await ended;
      assert.deepEqual(store.readAfter, [0], 'it is read again when the time has come, and not before');
    });

    scene('reads only what is new when it looks again', async (scene) => {
      await scene.leased(scene.workspace('agent'));
      const store = noting(scene.store());
      const enough = new AbortController();
      const { types, ended } = gathered(followJob(store, JOB_ID, { signal: enough.signal, pollMs: 1 }));
      await until('it has looked again three times', () => store.readAfter.length >= 4);
      enough.abort();
      await ended;
      const [first, ...again] = store.readAfter;
      assert.deepEqual([first, ...new Set(again)], [0, 2]);
      assert.equal(types.length, 2);
    });

    scene('ends with a typed error when the store cannot be read', async (scene) => {
      await scene.leased(scene.workspace('agent'));
      const inner = scene.store();
      const causes = [
        [ioFailure(Object.assign(new Error('EIO'), { code: 'EIO' }), 'in a test'), 'io_error'],
        [new Error('not of gait'), 'io_error'],
      ] as const;
      for (const [cause, code] of causes) {
        let reads = 0;
        const read: EventStore['read'] = (stream, options) => {
          reads += 1;
          if (reads > 1) throw cause;
          return inner.read(stream, options);
        };
        const { types, ended } = gathered(followJob({ ...passingOn(inner), read }, JOB_ID, { pollMs: 10 }));
        await assert.rejects(ended, gaitError(code, 'io_failure'));
        assert.equal(types.length, 2);
      }
    });
  });
}
