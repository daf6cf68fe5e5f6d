import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CheckpointType } from '../../src/job/events.ts';
import {
  approve,
  ask,
  cancel,
  checkpoint,
  type Given,
  given,
  JOB_ID,
  pause,
  stop,
  submit,
} from '../support/given.ts';

const EMOJI = '\u{1f600}';

describe('submit', () => {
  test('binds the job to its environment', () => {
    const job = given()
      .when(submit({ fingerprint: 'mine' }))
      .recorded({
        type: 'submitted',
        reason_code: 'submitted',
        payload: { environment_fingerprint: 'mine', producer_version: '0.1.0' },
      });
    assert.equal(job.job_id, JOB_ID);
    assert.equal(job.revision, 1);
    assert.equal(job.environment_fingerprint, 'mine');
    assert.equal(job.environment, null);
    assert.equal(job.created_at, '2026-02-14T00:00:00Z');
  });

  test('of a job that exists says what status it has', () => {
    const refusal = given(submit(), pause).when(submit()).refused('job_exists');
    assert.deepEqual(refusal.details, { job_id: JOB_ID, status: 'paused' });
  });

  test("a fingerprint of the caller's own has up to 512 characters", () => {
    const fingerprint = EMOJI.repeat(512);
    const { event } = given().when(submit({ fingerprint }));
    assert.equal(event.payload['environment_fingerprint'], fingerprint);
  });

  for (const [name, fingerprint] of [
    ['empty', ''],
    ['longer than an event may carry', 'f'.repeat(513)],
  ] as const) {
    test(`a fingerprint of the caller's own that is ${name} is the caller's mistake`, () => {
      const { refusal } = given().when(submit({ fingerprint }));
      assert.equal(refusal?.category, 'invalid_input');
    });
  }
});

describe('checkpoint', () => {
  test('ids count up by one, whatever the type', () => {
    const { job } = given(submit(), checkpoint('plan'), ask(), checkpoint('progress'), approve());
    assert.equal(job?.checkpoint_count, 3);
    assert.equal(job?.last_checkpoint?.checkpoint_id, 'cp_0003');
  });

  test('is recorded as its type says', () => {
    const job = given(submit())
      .when(checkpoint('plan', ' first A, then B \n'))
      .recorded({
        type: 'checkpoint_added',
        reason_code: 'checkpoint_plan',
        payload: {
          checkpoint_id: 'cp_0001',
          checkpoint_type: 'plan',
          summary: 'first A, then B',
          required_action: '',
        },
      });
    assert.deepEqual(job.last_checkpoint, {
      checkpoint_id: 'cp_0001',
      created_at: '2026-02-14T00:01:00Z',
      type: 'plan',
      summary: 'first A, then B',
      reason_code: 'checkpoint_plan',
      actor: 'alice',
    });
  });

  test('decision-needed opens a decision', () => {
    const job = given(submit(), checkpoint('progress'))
      .when(checkpoint('decision-needed', 'ready', ' approve the deploy\n'))
      .recorded({
        type: 'checkpoint_added',
        reason_code: 'checkpoint_decision_needed',
        payload: {
          checkpoint_id: 'cp_0002',
          checkpoint_type: 'decision-needed',
          summary: 'ready',
          required_action: 'approve the deploy',
        },
      });
    assert.deepEqual(job.open_decisions, [
      {
        checkpoint_id: 'cp_0002',
        created_at: '2026-02-14T00:02:00Z',
        summary: 'ready',
        required_action: 'approve the deploy',
      },
    ]);
  });

  for (const summary of ['x', 'x'.repeat(512), EMOJI.repeat(512)]) {
    test(`a summary of ${[...summary].length} code points, ${summary.length} code units, is accepted`, () => {
      const job = given(submit())
        .when(checkpoint('progress', summary))
        .recorded({
          type: 'checkpoint_added',
          reason_code: 'checkpoint_progress',
          payload: {
            checkpoint_id: 'cp_0001',
            checkpoint_type: 'progress',
            summary,
            required_action: '',
          },
        });
      assert.equal(job.last_checkpoint?.summary, summary);
    });
  }

  const BAD_SUMMARIES: Readonly<Record<string, string>> = {
    'no summary': '',
    'a summary of white space': ' \n\t',
    'a summary of 513 characters': 'x'.repeat(513),
    'a summary of 513 emoji': EMOJI.repeat(513),
    'a summary with a lone surrogate': 'a\ud83d',
  };
  for (const [name, summary] of Object.entries(BAD_SUMMARIES)) {
    test(`${name} is refused`, () => {
      given(submit()).when(checkpoint('progress', summary)).refused('summary_invalid');
    });
  }

  test('decision-needed without a required action is refused', () => {
    for (const action of [undefined, '', '  ']) {
      given(submit())
        .when(checkpoint('decision-needed', 'ready', action))
        .refused('required_action_missing');
    }
  });

  test('a required action has at most 2048 characters', () => {
    given(submit())
      .when(ask('x'.repeat(2049)))
      .refused('required_action_invalid');
    given(submit(), ask(` ${EMOJI.repeat(2048)} `))
      .when(approve('cp_0009'))
      .refused('nothing_to_approve');
  });

  test('an unknown type is refused', () => {
    for (const type of ['done', 'decision_needed', 'Plan', '', 'toString']) {
      given(submit())
        .when(checkpoint(type as CheckpointType))
        .refused('checkpoint_type_invalid');
    }
  });

  test('an invalid one is invalid_input from every status', () => {
    const ends: Given[] = [pause, cancel, stop, checkpoint('completed')];
    for (const end of ends) {
      given(submit(), end).when(checkpoint('progress', '')).refused('summary_invalid');
    }
  });
});

describe('approve', () => {
  const twoOpen: readonly Given[] = [submit(), ask('deploy'), ask('announce')];

  test('takes the only open decision', () => {
    const job = given(submit(), checkpoint('plan'), ask())
      .when(approve(), { actor: 'bob', reason: 'looks right' })
      .recorded({
        type: 'approved',
        reason_code: 'approval_recorded',
        payload: { checkpoint_id: 'cp_0002', reason: 'looks right' },
      });
    assert.deepEqual(job.open_decisions, []);
    assert.equal(job.approval_count, 1);
  });

  test('has to say which of several', () => {
    const refusal = given(...twoOpen)
      .when(approve())
      .refused('checkpoint_ambiguous');
    assert.deepEqual(refusal.details, { open_decisions: ['cp_0001', 'cp_0002'] });
  });

  test('takes the one that it names and leaves the others open', () => {
    const job = given(...twoOpen)
      .when(approve('cp_0002'), { reason: 'fine' })
      .recorded({
        type: 'approved',
        reason_code: 'approval_recorded',
        payload: { checkpoint_id: 'cp_0002', reason: 'fine' },
      });
    assert.deepEqual(
      job.open_decisions.map(({ checkpoint_id }) => checkpoint_id),
      ['cp_0001'],
    );
  });

  test('ahead of the decision is refused', () => {
    given(submit()).when(approve()).refused('nothing_to_approve');
    given(submit()).when(approve('cp_0001')).refused('nothing_to_approve');
    given(submit(), ask()).when(approve('cp_0002')).refused('nothing_to_approve');
  });

  test('twice is refused', () => {
    given(submit(), ask(), approve()).when(approve()).refused('nothing_to_approve');
    given(...twoOpen, approve('cp_0001'))
      .when(approve('cp_0001'))
      .refused('nothing_to_approve');
  });

  test('of a checkpoint that asks for nothing is refused', () => {
    given(submit(), checkpoint('plan'), ask()).when(approve('cp_0001')).refused('nothing_to_approve');
  });

  test('of an earlier decision does not answer a later one', () => {
    given(submit(), ask(), approve(), ask()).when(approve('cp_0001')).refused('nothing_to_approve');
  });
});

describe('every command', () => {
  const COMMANDS = { checkpoint: checkpoint('progress'), pause, cancel, stop, approve: approve() };

  for (const [name, command] of Object.entries(COMMANDS)) {
    test(`${name} keeps its reason and its actor in the event`, () => {
      const { job } = given(submit(), ask(), [command, { actor: 'bob', reason: 'because' }]);
      assert.equal(job?.revision, 3);
      const again = given(submit(), ask()).when(command, { actor: 'bob', reason: 'because' });
      assert.equal(again.event.actor, 'bob');
      assert.deepEqual(again.event.payload['reason'], 'because');
    });
  }

  test('submit keeps its reason', () => {
    const { event } = given().when(submit(), { reason: 'nightly' });
    assert.equal(event.payload['reason'], 'nightly');
  });

  test('an actor has 1 to 256 characters', () => {
    for (const actor of ['', 'a'.repeat(257), 'a\ud83d']) {
      given().when(submit(), { actor }).refused('actor_invalid');
      given(submit()).when(pause, { actor }).refused('actor_invalid');
    }
    assert.equal(given().when(submit(), { actor: EMOJI.repeat(256) }).event.actor, EMOJI.repeat(256));
  });

  test('a reason has 1 to 512 characters', () => {
    for (const reason of ['', 'a'.repeat(513), '\ude00']) {
      given(submit()).when(cancel, { reason }).refused('reason_invalid');
    }
    const reason = EMOJI.repeat(512);
    assert.equal(given(submit()).when(cancel, { reason }).event.payload['reason'], reason);
  });

  test('makes an event with the envelope that its readers accept, and nothing else', () => {
    const { event } = given(submit()).when(pause);
    assert.deepEqual(event, {
      schema_id: 'gait.job.event',
      schema_version: '1.0.0',
      created_at: '2026-02-14T00:01:00Z',
      job_id: JOB_ID,
      revision: 2,
      type: 'paused',
      actor: 'alice',
      reason_code: 'paused',
      payload: {},
    });
  });

  test('that is refused tells what is allowed', () => {
    const { details } = given(submit(), cancel).when(pause).refused('transition_not_allowed');
    assert.equal(details['status'], 'cancelled');
    assert.deepEqual(details['allowed_from'], ['running', 'decision_needed']);
  });
});
