import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobHistory } from '../../src/job/read/history.ts';
import { extensionFindings } from '../../src/pack/kinds/job/extends.ts';
import { verifyPack } from '../../src/pack/verify.ts';
import { historyOf, packBytes, STORY, type Step, statusesOf, withContainer } from '../support/pack.ts';
import fc from '../support/property.ts';

function upTo(count: number, steps: readonly Step[] = STORY): Promise<JobHistory> {
  return historyOf(steps.slice(0, count));
}

function codes(later: JobHistory, earlier: JobHistory): string[] {
  return extensionFindings(later, earlier).map(({ code }) => code);
}

/** The story, told by somebody else from one step on. */
function retold(from: number): readonly Step[] {
  return STORY.map((step, index) => (index < from ? step : { ...step, actor: 'mallory' }));
}

describe('a later pack of a job', () => {
  test('extends every earlier one, and none that is later', async () => {
    const lengths = fc.integer({ min: 1, max: STORY.length });
    await fc.assert(
      fc.asyncProperty(lengths, lengths, async (a, b) => {
        const [later, earlier] = [await upTo(a), await upTo(b)];
        const expected = a >= b ? [] : ['events_missing'];
        assert.deepEqual(codes(later, earlier), expected);
      }),
      { numRuns: 40 },
    );
  });

  test('does not extend one whose events are others, and says from which on', async () => {
    for (let from = 0; from < 5; from += 1) {
      const [finding, ...more] = extensionFindings(await historyOf(retold(from)), await upTo(5));
      assert.deepEqual([finding?.code, finding?.revision, more.length], ['events_rewritten', from + 1, 0]);
    }
  });

  test('may differ from the earlier one after its end', async () => {
    assert.deepEqual(codes(await historyOf(retold(5)), await upTo(5)), []);
  });

  test('does not extend one of another job', async () => {
    const other = await historyOf(STORY.slice(0, 2), { jobId: 'other' });
    assert.deepEqual(codes(await upTo(5), other), ['other_job']);
  });
});

describe('verification against an earlier pack', () => {
  const checked = async (extending?: JobHistory) => {
    const bytes = await packBytes(await historyOf(STORY));
    const policy = extending === undefined ? {} : { extending };
    return statusesOf(
      (await withContainer(bytes, (container) => verifyPack(container, policy))).verification,
    );
  };

  test('is a check of its own, made only when asked for', async () => {
    assert.equal((await checked())['extends'], undefined);
    assert.equal((await checked(await upTo(3)))['extends'], 'passed');
    assert.equal((await checked(await historyOf(retold(2))))['extends'], 'failed');
  });
});
