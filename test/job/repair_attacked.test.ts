import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { canonicalBytes } from '../../src/core/canonical.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { JobCommand, RepairCommand } from '../../src/job/command.ts';
import type { AfterRepair } from '../../src/job/events.ts';
import { Jobs } from '../../src/job/jobs.ts';
import { planRepair, repair } from '../../src/job/repair/repair.ts';
import { ANN, sign, submitFor } from '../support/approvers.ts';
import {
  ask,
  cancel,
  checkpoint,
  claim,
  decideAt,
  folded,
  given,
  JOB_ID,
  pause,
  stop,
  submit,
} from '../support/given.ts';
import { fileStores, testClock } from '../support/job_stores.ts';
import { gaitError } from '../support/refusals.ts';

const AUTHOR = { actor: 'alice', reason: 'why not' };
const NOW = '2026-02-14T12:00:00Z';
const CUT = sha256Hex('what was cut');

const SIGNED = submitFor(1);

/** A repair that says what its author likes. */
function repairOf(
  revision: number,
  status: AfterRepair['status'],
  changes: Partial<RepairCommand> = {},
): RepairCommand {
  const after = { status, token_floor: 99, checkpoint_floor: 99, unsettled_ms: 0, chained_records: 1 };
  const keptAs = `cut-after-${revision}-${CUT.slice(0, 16)}.bin`;
  return { kind: 'repair', cutBytes: 500, cutSha256: CUT, keptAs, after, ...changes };
}

describe('the third attack on the evidence, 3: what a repair says of a job with approvers', () => {
  const BEFORE: Readonly<Record<string, readonly [commands: readonly JobCommand[], completable: boolean]>> = {
    running: [[SIGNED], true],
    leased: [[SIGNED, claim()], true],
    paused: [[SIGNED, pause], false],
    asked: [[SIGNED, ask()], false],
    approved: [[SIGNED, ask(), sign(ANN, 2)], false],
    blocked: [[SIGNED, checkpoint('blocked')], false],
    completed: [[SIGNED, checkpoint('completed')], true],
  };
  for (const [name, [commands, completable]] of Object.entries(BEFORE)) {
    test(`completes one that is ${name}: ${completable ? 'it could have been' : 'never'}`, () => {
      const { job } = given(...commands);
      const { events } = decideAt(job, repairOf(job?.revision ?? 0, 'completed'), AUTHOR);
      if (completable) assert.equal(folded(job, events)?.status, 'completed');
      else assert.throws(() => folded(job, events), gaitError('illegal_event', 'verification_failed'));
    });
  }

  test('stops any that was not over', () => {
    for (const [name, [commands]] of Object.entries(BEFORE)) {
      if (name === 'completed') continue;
      for (const status of ['cancelled', 'emergency_stopped', 'blocked'] as const) {
        const { job } = given(...commands);
        const { events } = decideAt(job, repairOf(job?.revision ?? 0, status), AUTHOR);
        assert.equal(folded(job, events)?.status, status);
      }
    }
  });

  test('a job without approvers that was completed stays so, wherever its log was cut', () => {
    for (const commands of [[submit()], [submit(), pause], [submit(), ask()]]) {
      const { job } = given(...commands);
      const { events } = decideAt(job, repairOf(job?.revision ?? 0, 'completed'), AUTHOR);
      assert.equal(folded(job, events)?.status, 'completed');
    }
  });

  const none = sha256Hex('');
  const FALSE: Readonly<Record<string, Partial<RepairCommand>>> = {
    'a completion in a cut of no bytes': {
      cutBytes: 0,
      cutSha256: none,
      keptAs: `cut-after-1-${none.slice(0, 16)}.bin`,
    },
    'a completion in a cut that is shorter than a record': { cutBytes: 87 },
    'a completion by no record that chains': {
      after: {
        status: 'completed',
        token_floor: 99,
        checkpoint_floor: 99,
        unsettled_ms: 0,
        chained_records: 0,
      },
    },
    'a cut of no bytes with the digest of some': { cutBytes: 0 },
    'a cut of some bytes with the digest of none': {
      cutSha256: none,
      keptAs: `cut-after-1-${none.slice(0, 16)}.bin`,
    },
    'a file of another folder': { keptAs: '../../x.bin' },
    'a name that a terminal obeys': { keptAs: 'x\u001b[2J' },
    'a cut after another revision': { keptAs: `cut-after-2-${CUT.slice(0, 16)}.bin` },
    'a file of another digest': { keptAs: `cut-after-1-${'0'.repeat(16)}.bin` },
  };
  for (const [name, changes] of Object.entries(FALSE)) {
    test(`not ${name}`, () => {
      const { job } = given(SIGNED);
      const { events } = decideAt(job, repairOf(1, 'completed', changes), AUTHOR);
      assert.throws(() => folded(job, events), gaitError('illegal_event', 'verification_failed'));
    });
  }
});

test('the third attack on the evidence, 3: a record that cannot stand there completes nothing', async () => {
  for (const [last, status] of [
    [checkpoint('completed'), 'blocked'],
    [cancel, 'cancelled'],
    [stop, 'emergency_stopped'],
  ] as const) {
    const stores = await fileStores();
    try {
      const jobs = new Jobs(stores.open(), testClock());
      for (const command of [SIGNED, ask()]) await jobs.execute(JOB_ID, AUTHOR, command);
      const log = join(stores.root, 'jobs', JOB_ID, 'log.ndjson');
      const lines = (await readFile(log, 'utf8')).trimEnd().split('\n');
      const [, asked] = lines.map((line) => JSON.parse(line) as { event: JsonObject; hash: string });
      // As one would write it who has the log and not the decider.
      const { event } = given(submit()).when(last);
      const forged = {
        ...(event as unknown as JsonObject),
        revision: 3,
        created_at: asked?.event['created_at'] ?? '',
      };
      const spoiled = {
        ...forged,
        type: 'resumed',
        reason_code: 'resumed',
        payload: { expected_fingerprint: 'x' },
      };
      const records: string[] = [];
      let hash = asked?.hash ?? '';
      for (const [index, one] of [spoiled, { ...forged, revision: 4 }].entries()) {
        const bytes = canonicalBytes({ ...one, revision: 3 + index });
        hash = sha256Hex(Buffer.concat([Buffer.from(hash, 'hex'), bytes]));
        records.push(`{"event":${bytes},"hash":"${hash}"}\n`);
      }
      await writeFile(log, `${lines.join('\n')}\n${records.join('')}`);
      const store = stores.open();
      const plan = await planRepair(store, JOB_ID);
      assert.ok(plan !== undefined);
      assert.equal(plan.after?.status, status);
      await repair(store, JOB_ID, plan, AUTHOR, NOW);
      assert.equal((await new Jobs(stores.open(), testClock()).load(JOB_ID)).state.status, status);
    } finally {
      await stores.dispose();
    }
  }
});
