import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { parseCanonical } from '../../src/core/canonical.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { Budget } from '../../src/job/events.ts';
import { readHistory } from '../../src/job/read/history.ts';
import { MemoryStore } from '../../src/log/stores/memory_store.ts';
import { type ComparedPack, diffPacks, type PackComparison } from '../../src/pack/diff.ts';
import { inspectJobPack } from '../../src/pack/kinds/job/inspect.ts';
import { STATE_MEMBER } from '../../src/pack/kinds/job/members.ts';
import { ComparableRun } from '../../src/pack/kinds/run/compare.ts';
import { checkpoint, claim, HOME, JOB_ID, pause, release, renew, resume, under } from '../support/given.ts';
import { assertConforms, historyOf, packBytes, type Step, statusesOf, verifyBytes } from '../support/pack.ts';
import { verifyInMemory } from '../support/runs.ts';

const task = { argv: ['make', 'all'], cwd: '/srv', pass_env: [] };
const budget: Budget = { max_steps: 1, max_attempts: 5 };
const SUBMITTED: Step = {
  command: { kind: 'submit', claim: HOME, producerVersion: '0.1.0', task, budget },
};

/** A claim, a takeover, a budget that is used up, a resume, a pause, a release, and an end under a new lease. */
function storyWith(renewals: number, workers: readonly [string, string] = ['w1', 'w2']): Step[] {
  const [first, second] = workers;
  const renewing = (token: number): Step[] =>
    Array.from({ length: renewals }, () => ({ command: renew(token), actor: second }));
  const taken = 3;
  const after = taken + renewals;
  const claimedAgain = after + 7;
  return [
    SUBMITTED,
    { command: claim(first), actor: first },
    { command: claim(second), actor: second },
    ...renewing(taken),
    { command: under(taken, checkpoint('progress', 'half')), actor: second },
    { command: under(taken, checkpoint('progress', 'more')), actor: second, refused: 'budget_exceeded' },
    { command: resume(), actor: 'bob', reason: 'go on' },
    { command: pause, actor: 'bob' },
    { command: release(taken, 'interrupted'), actor: second },
    { command: resume(), actor: 'bob' },
    { command: claim(first), actor: first },
    { command: under(claimedAgain, checkpoint('completed', 'done')), actor: first },
  ];
}

async function sideOf(steps: readonly Step[]): Promise<ComparedPack> {
  const run = new ComparableRun();
  const pack = verifyInMemory(await packBytes(await historyOf(steps)), { visit: run });
  assert.deepEqual(pack.verification.findings, []);
  return { pack, declared: pack.manifest?.contents ?? [], documents: pack.documents, run };
}

async function compared(left: readonly Step[], right: readonly Step[]): Promise<PackComparison> {
  return diffPacks(await sideOf(left), await sideOf(right));
}

describe('the pack of a job that was leased', () => {
  let bytes: Buffer;
  before(async () => {
    bytes = await packBytes(await historyOf(storyWith(3)));
  });

  test('verifies, and its events fold', async () => {
    const { verification, history } = await verifyBytes(bytes);
    assert.deepEqual(verification.findings, []);
    const { event_chain, event_fold } = statusesOf(verification);
    assert.deepEqual([event_chain, event_fold], ['passed', 'passed']);
    assert.deepEqual(history?.job.usage, { attempts: 1, steps: 0, started_at: '2026-02-14T00:12:01.2Z' });
  });

  test('says in its state only what earlier readers know', async () => {
    const { documents } = verifyInMemory(bytes);
    const state = parseCanonical(documents.get(STATE_MEMBER) ?? Buffer.alloc(0)) as JsonObject;
    for (const own of ['lease', 'command', 'budget', 'usage']) assert.ok(!Object.hasOwn(state, own), own);
  });

  test('tells who claimed, took over, renewed and gave back, and what was used up', async () => {
    const { manifest, history } = await verifyBytes(bytes);
    assert.ok(manifest !== undefined && history !== undefined);
    const inspection = inspectJobPack(manifest, history);
    assertConforms('inspect', inspection);
    assert.deepEqual(
      inspection.timeline.map(({ revision, actor, text }) => `${revision} ${actor}: ${text}`),
      [
        `1 alice: submitted, bound to ${HOME.fingerprint}`,
        '2 w1: claimed by w1, token 2, until 2026-02-14T00:01:30.1Z',
        '3 w2: claimed by w2, token 3, until 2026-02-14T00:02:30.2Z, taken over from w1 (token 2)',
        '4 w2: lease 3 renewed until 2026-02-14T00:03:30.3Z',
        '5 w2: lease 3 renewed until 2026-02-14T00:04:30.4Z',
        '6 w2: lease 3 renewed until 2026-02-14T00:05:30.5Z',
        '7 w2: cp_0001 progress: half',
        '8 w2: budget of steps exceeded: 1 of 1',
        '9 bob: resumed: go on',
        '10 bob: paused',
        '11 w2: lease 3 released: interrupted',
        '12 bob: resumed: resume',
        '13 w1: claimed by w1, token 13, until 2026-02-14T00:12:31.2Z',
        '14 w1: cp_0002 completed: done',
      ],
    );
  });

  test('of a job that is still leased verifies too, and its lease goes on in the log', async () => {
    const store = new MemoryStore();
    const history = await historyOf(storyWith(1).slice(0, 4), { store });
    const { verification } = await verifyBytes(await packBytes(history));
    assert.deepEqual(verification.findings, []);
    assert.equal((await readHistory(store, JOB_ID)).job.lease?.token, 3);
  });
});

describe('packs of leased jobs', () => {
  test('differ by no more than how often a lease was renewed: they are the same', async () => {
    const { diff, changes } = await compared(storyWith(1), storyWith(4));
    assert.deepEqual([diff.summary.changed, changes], [false, []]);
    assert.equal(diff.summary.manifest_delta, true);
  });

  test('of other workers are not the same', async () => {
    const { diff, changes } = await compared(storyWith(1), storyWith(1, ['w1', 'w3']));
    assert.equal(diff.summary.changed, true);
    assert.ok(changes.some(({ member }) => member === 'job_events.jsonl'));
  });

  test('one of which was claimed once more are not the same', async () => {
    const claimed = { command: claim('w1'), actor: 'w1' };
    const left = [SUBMITTED, claimed, { command: release(2), actor: 'w1' }];
    const { diff } = await compared(left, [...left, claimed, { command: release(4), actor: 'w1' }]);
    assert.equal(diff.summary.changed, true);
  });

  test('a checkpoint under another lease is not the same', async () => {
    const claimed = (worker: string): Step => ({ command: claim(worker), actor: 'w' });
    const noted = (token: number): Step => ({ command: under(token, checkpoint('plan')), actor: 'w' });
    const [a, b] = [claimed('w'), claimed('w')];
    const left = [SUBMITTED, a, noted(2), b];
    const right = [SUBMITTED, a, b, noted(3)];
    assert.equal((await compared(left, right)).diff.summary.changed, true);
  });
});
