import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Clock } from '../../src/core/clock.ts';
import type { EnforcementRequest } from '../../src/gate/enforce.ts';
import type { KeptDecision } from '../../src/gate/gate.ts';
import { decideRevocation, USES_STREAM, usesModel } from '../../src/gate/ledger/consumption.ts';
import { StreamHandle } from '../../src/log/stream.ts';
import { signaturesOf } from '../../src/signing/signed_document.ts';
import { policyOf } from '../support/gate.ts';
import {
  ASKS,
  ASKS_ALL,
  approvalOf,
  asking,
  DELEGATED,
  gateWith,
  MemorySink,
  tickingClock,
  WatchedStore,
} from '../support/gates.ts';
import { CAROL, delegation } from '../support/tokens.ts';

const ROUNDS = 60;

/** Waits for some turns of the event loop, for another number of them each time. */
function unsteady(seed: number): () => Promise<void> {
  let state = seed + 1;
  return async () => {
    state = (state * 48_271) % 2_147_483_647;
    for (let turns = state % 4; turns > 0; turns -= 1) await new Promise(setImmediate);
  };
}

interface Race {
  readonly store: WatchedStore;
  readonly answers: readonly KeptDecision[];
}

/** So many gates on one store decide at once. */
async function race(
  asked: readonly EnforcementRequest[],
  seed: number,
  clock: () => Clock = tickingClock,
): Promise<Race> {
  const store = new WatchedStore();
  store.before = unsteady(seed);
  const gates = asked.map(() => gateWith({ store, clock: clock(), files: new MemorySink() }).gate);
  const answers = await Promise.all(
    gates.map((gate, at) => {
      const one = asked[at];
      assert.ok(one !== undefined);
      return gate.decide(one);
    }),
  );
  return { store, answers };
}

function allowed({ answers }: Race): number {
  return answers.filter(({ decision }) => decision.verdict === 'allow').length;
}

describe('gates on one store that decide at once', () => {
  test('W-1: one approval allows one call, whoever is faster', async () => {
    for (let seed = 0; seed < ROUNDS; seed += 1) {
      const asked = asking(ASKS);
      const shown = { ...asked, approvals: [approvalOf(asked)] };
      const raced = await race([shown, shown, shown], seed);
      assert.equal(allowed(raced), 1, `seed ${seed}`);
      const losers = raced.answers.filter(({ decision }) => decision.verdict !== 'allow');
      for (const { decision } of losers) {
        assert.equal(decision.verdict, 'require_approval');
        assert.ok(decision.reason_codes.includes('approval_token_consumed'));
      }
      assert.equal((await raced.store.events(USES_STREAM)).length, 1);
      assert.equal((await raced.store.entries()).length, 3, 'every decision is in the log');
    }
  });

  test('W-1: though their clocks tell the same instant', async () => {
    const still: Clock = { now: () => '2026-05-01T12:00:00.5Z' };
    for (let seed = 0; seed < ROUNDS; seed += 1) {
      const asked = asking(ASKS);
      const shown = { ...asked, approvals: [approvalOf(asked)] };
      assert.equal(allowed(await race([shown, shown], seed, () => still)), 1, `seed ${seed}`);
    }
  });

  test('W-1: of two approvals in two pairs, none serves two calls', async () => {
    const two = policyOf('rules:', '  - {name: two, effect: require_approval, min_approvals: 2}');
    for (let seed = 0; seed < ROUNDS; seed += 1) {
      const asked = asking(two);
      const [bob, carol] = [approvalOf(asked), approvalOf(asked, { approver: 'carol' }, CAROL)];
      const ann = approvalOf(asked, { approver: 'ann' }, CAROL);
      const raced = await race(
        [
          { ...asked, approvals: [bob, carol] },
          { ...asked, approvals: [bob, ann] },
        ],
        seed,
      );
      assert.equal(allowed(raced), 1, `seed ${seed}`);
    }
  });

  test('W-21: a limit of three lets three of six in', async () => {
    const limited = policyOf(
      'rules:',
      '  - {name: l, effect: allow, rate_limit: {requests: 3, window: hour}}',
    );
    for (let seed = 0; seed < ROUNDS / 3; seed += 1) {
      const raced = await race(
        Array.from({ length: 6 }, () => asking(limited)),
        seed,
      );
      assert.equal(allowed(raced), 3, `seed ${seed}`);
      assert.deepEqual(Object.values((await raced.store.uses()).counts), [3]);
    }
  });
});

/** The verdict when the ledger takes a token back right before the gate uses something up. */
async function verdictBehind(asked: EnforcementRequest, token: string): Promise<string> {
  const { gate, store } = gateWith();
  let revoked = false;
  store.before = async (stream) => {
    if (stream !== USES_STREAM || revoked) return;
    revoked = true;
    const ledger = new StreamHandle(store, usesModel, USES_STREAM);
    const revocation = { token, reason: 'bob left' };
    await ledger.execute((state) => decideRevocation(state, revocation, '2026-05-01T12:00:00.5Z'));
  };
  return (await gate.decide(asked)).decision.verdict;
}

describe('a token that is taken back while a gate decides allows nothing', () => {
  const asked = asking(ASKS_ALL, DELEGATED);
  const [approved, delegated] = [approvalOf(asked), delegation({ delegate: 'agent' })];
  const shown = { ...asked, approvals: [approved], delegations: [delegated] };

  test('W-2: an approval, by its digest', async () => {
    assert.equal(await verdictBehind(shown, signaturesOf(approved).digest), 'require_approval');
  });

  test('W-2: an approval, by its id', async () => {
    assert.notEqual(await verdictBehind(shown, String(approved['token_id'])), 'allow');
  });

  test('W-2: a delegation', async () => {
    assert.notEqual(await verdictBehind(shown, signaturesOf(delegated).digest), 'allow');
  });
});
