import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCategory } from '../../src/core/errors.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { JobCommand } from '../../src/job/command.ts';
import { evolveStored } from '../../src/job/evolve.ts';
import type { JobState } from '../../src/job/state.ts';
import {
  AWAY,
  approve,
  ask,
  cancel,
  checkpoint,
  claim,
  decideAt,
  folded,
  type Given,
  jobAfter,
  pause,
  resume,
  resumeAnyway,
  stop,
  submit,
} from '../support/given.ts';
import { gaitError } from '../support/refusals.ts';

// The table of DESIGN §5.1, written out by hand. A `+` is a situation with an open decision, `-` one whose
// decisions are all approved.

type Shown = readonly [status: string, stopReason: string, statusReasonCode: string];

interface Situation {
  readonly commands: readonly Given[];
  readonly shown?: Shown;
}

const SITUATIONS: Readonly<Record<string, Situation>> = {
  none: { commands: [] },
  running: { commands: [submit()], shown: ['running', 'none', 'submitted'] },
  paused: { commands: [submit(), pause], shown: ['paused', 'paused_by_user', 'paused'] },
  'paused+': { commands: [submit(), ask(), pause], shown: ['paused', 'paused_by_user', 'paused'] },
  'decision_needed+': {
    commands: [submit(), ask()],
    shown: ['decision_needed', 'decision_needed', 'decision_needed'],
  },
  'decision_needed-': {
    commands: [submit(), ask(), approve()],
    shown: ['decision_needed', 'decision_needed', 'approval_recorded'],
  },
  blocked: { commands: [submit(), checkpoint('blocked')], shown: ['blocked', 'blocked', 'blocked'] },
  'blocked+': {
    commands: [submit(), ask(), checkpoint('blocked')],
    shown: ['blocked', 'blocked', 'blocked'],
  },
  completed: {
    commands: [submit(), checkpoint('completed')],
    shown: ['completed', 'completed', 'completed'],
  },
  cancelled: { commands: [submit(), cancel], shown: ['cancelled', 'cancelled_by_user', 'cancelled'] },
  emergency_stopped: {
    commands: [submit(), stop],
    shown: ['emergency_stopped', 'emergency_stopped', 'emergency_stop_preempted'],
  },
};

// One column each: none, running, paused, paused+, decision_needed+, decision_needed-, blocked, blocked+,
// completed, cancelled, emergency_stopped.
const CELLS: Readonly<Record<string, string>> = {
  submit:
    '                     yes    exists exists  exists   exists   exists  exists exists   exists exists exists',
  'checkpoint plan':
    '            absent yes    yes     yes      yes      yes     yes    yes      no     no     no',
  'checkpoint progress':
    '        absent yes    yes     yes      yes      yes     yes    yes      no     no     no',
  'checkpoint decision-needed':
    ' absent yes    no      no       yes      yes     yes    yes      no     no     no',
  'checkpoint blocked':
    '         absent yes    no      no       yes      yes     no     no       no     no     no',
  'checkpoint completed':
    '       absent yes    no      no       no       no      no     no       no     no     no',
  pause:
    '                      absent yes    no      no       yes      yes     no     no       no     no     no',
  approve:
    '                    absent nothing nothing yes     yes      nothing nothing yes     no     no     no',
  resume:
    '                     absent no     yes     approval approval yes     yes    approval no     no     no',
  'resume elsewhere':
    '           absent no     record  approval approval record  record approval no     no     no',
  'resume anyway':
    '              absent no     yes     approval approval yes     yes    approval no     no     no',
  cancel:
    '                     absent yes    yes     yes      yes      yes     yes    yes      no     no     no',
  claim:
    '                      absent yes    no      no       no       no      no     no       no     no     no',
  stop: '                       absent yes    yes     yes      yes      yes     yes    yes      no     no     no',
};

const REFUSALS: Readonly<Record<string, readonly [code: string, category: ErrorCategory]>> = {
  no: ['transition_not_allowed', 'invalid_input'],
  absent: ['job_not_found', 'invalid_input'],
  exists: ['job_exists', 'invalid_input'],
  nothing: ['nothing_to_approve', 'invalid_input'],
  approval: ['approval_required', 'approval_required'],
  record: ['environment_mismatch', 'policy_blocked'],
};

interface Effect {
  readonly command: JobCommand;
  readonly event: string;
  /** `same` leaves what the job shows as it is. */
  readonly shows: readonly [status: string, stopReason: string, statusReasonCode: string];
}

const MISMATCH = 'env_fingerprint_mismatch';

const EFFECTS: Readonly<Record<string, Effect>> = {
  submit: { command: submit(), event: 'submitted', shows: ['running', 'none', 'submitted'] },
  'checkpoint plan': stays(checkpoint('plan'), 'checkpoint_added', 'same'),
  'checkpoint progress': stays(checkpoint('progress'), 'checkpoint_added', 'same'),
  'checkpoint decision-needed': {
    command: ask(),
    event: 'checkpoint_added',
    shows: ['decision_needed', 'decision_needed', 'decision_needed'],
  },
  'checkpoint blocked': {
    command: checkpoint('blocked'),
    event: 'checkpoint_added',
    shows: ['blocked', 'blocked', 'blocked'],
  },
  'checkpoint completed': {
    command: checkpoint('completed'),
    event: 'checkpoint_added',
    shows: ['completed', 'completed', 'completed'],
  },
  pause: { command: pause, event: 'paused', shows: ['paused', 'paused_by_user', 'paused'] },
  approve: stays(approve(), 'approved', 'approval_recorded'),
  resume: { command: resume(), event: 'resumed', shows: ['running', 'none', 'resumed'] },
  'resume elsewhere': {
    command: resume(AWAY),
    event: 'resume_refused',
    shows: ['same', MISMATCH, MISMATCH],
  },
  'resume anyway': {
    command: resumeAnyway(AWAY),
    event: 'resumed',
    shows: ['running', 'none', 'resumed_with_env_override'],
  },
  cancel: { command: cancel, event: 'cancelled', shows: ['cancelled', 'cancelled_by_user', 'cancelled'] },
  claim: stays(claim(), 'lease_acquired', 'same'),
  stop: {
    command: stop,
    event: 'emergency_stop_acknowledged',
    shows: ['emergency_stopped', 'emergency_stopped', 'emergency_stop_preempted'],
  },
};

function stays(command: JobCommand, event: string, statusReasonCode: string): Effect {
  return { command, event, shows: ['same', 'same', statusReasonCode] };
}

function shownBy({ status, stop_reason, status_reason_code }: JobState): Shown {
  return [status, stop_reason, status_reason_code];
}

function expectedAfter({ shown }: Situation, { shows }: Effect): string[] {
  return shows.map((value, i) => (value === 'same' ? (shown?.[i] ?? 'nothing to keep') : value));
}

function checkAllowed(situation: Situation, effect: Effect): void {
  const job = jobAfter(...situation.commands);
  const { events, refusal } = decideAt(job, effect.command, { reason: 'the test' });
  assert.equal(refusal, undefined);
  assert.deepEqual(
    events.map(({ type }) => type),
    [effect.event],
  );
  const after = folded(job, events);
  assert.ok(after !== undefined);
  assert.deepEqual(shownBy(after), expectedAfter(situation, effect));
}

function checkRefused(situation: Situation, effect: Effect, cell: string): void {
  const job = jobAfter(...situation.commands);
  const { events, refusal } = decideAt(job, effect.command, { reason: 'the test' });
  const [code, category] = REFUSALS[cell] ?? ['no such cell', 'internal_failure'];
  gaitError(code, category)(refusal);
  if (cell !== 'record') {
    assert.deepEqual(events, []);
    return;
  }
  const after = folded(job, events);
  assert.ok(after !== undefined);
  assert.deepEqual(shownBy(after), expectedAfter(situation, effect));
}

/** The event that the command is recorded as where it is allowed, made to fit in everything but the transition. */
function eventOutOfPlace(name: string, { command }: Effect, job: JobState | undefined): JsonObject {
  const allowed =
    Object.values(SITUATIONS)[cellsOf(name).findIndex((cell) => cell === 'yes' || cell === 'record')];
  const [event] = decideAt(jobAfter(...(allowed?.commands ?? [])), command, { reason: 'the test' }).events;
  assert.ok(event !== undefined);
  const payload = event['payload'] as JsonObject;
  const revision = (job?.revision ?? 0) + 1;
  const id = `cp_${String((job?.checkpoint_count ?? 0) + 1).padStart(4, '0')}`;
  const due: Readonly<Record<string, JsonObject>> = {
    checkpoint_added: { checkpoint_id: id },
    lease_acquired: { token: revision },
  };
  return { ...event, revision, payload: { ...payload, ...due[String(event['type'])] } };
}

function cellsOf(name: string): string[] {
  return (CELLS[name] ?? '').trim().split(/\s+/);
}

test('the situations show what the table says', () => {
  for (const { commands, shown } of Object.values(SITUATIONS)) {
    const job = jobAfter(...commands);
    assert.deepEqual(job === undefined ? undefined : shownBy(job), shown);
  }
});

for (const [name, effect] of Object.entries(EFFECTS)) {
  describe(name, () => {
    const cells = cellsOf(name);
    assert.equal(cells.length, Object.keys(SITUATIONS).length);
    for (const [column, [status, situation]] of Object.entries(SITUATIONS).entries()) {
      const cell = cells[column] ?? '';
      if (cell === 'yes') {
        test(`from ${status}: ${effect.event}`, () => checkAllowed(situation, effect));
        continue;
      }
      test(`from ${status}: ${REFUSALS[cell]?.[0]}`, () => checkRefused(situation, effect, cell));
      if (cell === 'record') continue;
      test(`from ${status}: its event is illegal`, () => {
        const job = jobAfter(...situation.commands);
        const event = eventOutOfPlace(name, effect, job);
        assert.throws(() => evolveStored(job, event), gaitError('illegal_event', 'verification_failed'));
      });
    }
  });
}
