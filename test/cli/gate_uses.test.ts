import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { beforeEach, describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import {
  documentAt,
  enteredIn,
  evalOf,
  gateWorkspace,
  putIntent,
  withinOneHour,
} from '../support/gate_cli.ts';

describe('what calls use up', () => {
  beforeEach(withinOneHour);

  test('what a call took of a limit is in the answer to it', async (t) => {
    const w = await gateWorkspace(t);
    const standings: unknown[] = [];
    for (const more of ['', '--simulate', '']) {
      const { answer } = await evalOf(w, 'twice.yaml', more);
      standings.push([answer.rate_limit_used, answer.rate_limit_remaining]);
    }
    assert.deepEqual(standings, [
      [1, 8],
      [1, 8],
      [2, 7],
    ]);
  });

  test('W-24, W-21: a simulation is marked within the signature, and uses no place up', async (t) => {
    const w = await gateWorkspace(t);
    const { answer } = await evalOf(w, 'once.yaml', '--simulate --private-key gate_private.key');
    const { simulate_mode, simulated_verdict, would_have_blocked, verdict } = answer;
    assert.deepEqual(
      [simulate_mode, simulated_verdict, would_have_blocked, verdict],
      [true, 'allow', false, 'dry_run'],
    );
    assert.deepEqual(await enteredIn(w, 'uses'), []);
    const line = `trace verify ${answer.trace_path} --public-key gate_public.key`;
    assert.match(await w.text(line), /^verified {2}dry_run \(simulated\)\n/);
    const trace = await documentAt(w, answer.trace_path ?? '');
    const unmarked = { ...trace, ext: { ...(trace['ext'] as JsonObject), simulated: false } };
    await putIntent(w, 'unmarked.json', unmarked);
    await w.refused(
      'trace verify unmarked.json --public-key gate_public.key',
      'trace_invalid',
      'verification_failed',
    );
    const exits = [(await evalOf(w, 'once.yaml')).exit, (await evalOf(w, 'once.yaml')).exit];
    assert.deepEqual(exits, [0, 3]);
  });

  test('W-21: what is used up, taken back and decided is in one place, by either name of it', async (t) => {
    const w = await gateWorkspace(t);
    const line = '--rate-limit-state kept';
    assert.deepEqual(
      [(await evalOf(w, 'once.yaml', line)).exit, (await evalOf(w, 'once.yaml', '--state-dir kept')).exit],
      [0, 3],
    );
    assert.equal((await enteredIn(w, 'uses', 'kept')).length, 1);
    assert.equal((await enteredIn(w, 'decisions', 'kept')).length, 2);
    const two = await evalOf(w, 'once.yaml', `${line} --state-dir other`);
    assert.deepEqual([two.exit, two.answer.error_code], [6, 'flags_conflict']);
    for (const empty of ["--state-dir ''", "--rate-limit-state ''"]) {
      assert.equal((await evalOf(w, 'once.yaml', empty)).exit, 6, empty);
    }
  });

  test('W-21: an older log of what was used up in place of the newest is found', async (t) => {
    const w = await gateWorkspace(t);
    const log = w.path('gait-out', 'gate', 'uses', 'log.ndjson');
    await evalOf(w, 'twice.yaml', '');
    const older = await readFile(log);
    await evalOf(w, 'twice.yaml', '');
    await writeFile(log, older);
    const { exit, answer } = await evalOf(w, 'twice.yaml', '');
    assert.deepEqual([exit, answer.error_code], [2, 'uses_rolled_back']);
    const { exit: found } = await w.gait('verify chain --decisions gait-out/gate');
    assert.equal(found, 2);
    await rm(w.path('gait-out', 'gate', 'uses'), { recursive: true });
    assert.equal((await evalOf(w, 'twice.yaml', '')).exit, 2, 'nor is none');
  });
});
