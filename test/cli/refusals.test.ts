import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { ErrorCategory } from '../../src/core/errors.ts';
import { VERSION } from '../../src/core/version.ts';
import type { JobCommand } from '../../src/job/command.ts';
import { observer } from '../../src/job/environment.ts';
import type { CheckpointType } from '../../src/job/events.ts';
import { DEFAULT_RULES } from '../../src/job/fingerprint.ts';
import { sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';

const ALICE = { actor: 'alice' };
const pause: JobCommand = { kind: 'pause' };
const approve: JobCommand = { kind: 'approve' };

function checkpoint(type: CheckpointType): JobCommand {
  const requiredAction = type === 'decision-needed' ? { requiredAction: 'decide' } : {};
  return { kind: 'checkpoint', type, summary: `a ${type} checkpoint`, ...requiredAction };
}

/** What leads to each state of a job that is refused something; the library makes it, the binary is asked. */
const STATES: Readonly<Record<string, readonly JobCommand[]>> = {
  running: [],
  paused: [pause],
  deciding: [checkpoint('decision-needed')],
  paused_deciding: [checkpoint('decision-needed'), pause],
  two_decisions: [checkpoint('decision-needed'), checkpoint('decision-needed')],
  approved: [checkpoint('decision-needed'), approve],
  blocked: [checkpoint('blocked')],
  blocked_deciding: [checkpoint('decision-needed'), checkpoint('blocked')],
  completed: [checkpoint('completed')],
  cancelled: [{ kind: 'cancel' }],
  stopped: [{ kind: 'stop' }],
};

async function makeStates(w: Workspace): Promise<void> {
  const claim = await observer({})(DEFAULT_RULES);
  for (const [id, commands] of Object.entries(STATES)) {
    for (const command of [{ kind: 'submit', claim, producerVersion: VERSION } as const, ...commands]) {
      await w.jobs.execute(id, ALICE, command);
    }
  }
}

/** A command that is refused: on which job, how, why, and of which class. */
type Refusal = readonly [id: string, command: string, code: string, category?: ErrorCategory];

const add = (type: CheckpointType) =>
  `checkpoint add --type ${type} --summary s${type === 'decision-needed' ? ' --required-action a' : ''}`;

const LEAVING = [
  'pause',
  'approve',
  'resume',
  'cancel',
  'stop',
  ...(['progress', 'completed'] as const).map(add),
];

const WRONG_ORDER: readonly Refusal[] = [
  ...['completed', 'cancelled', 'stopped'].flatMap((id) =>
    LEAVING.map((command) => [id, command, 'transition_not_allowed'] as const),
  ),
  ['running', 'submit', 'job_exists'],
  ['completed', 'submit', 'job_exists'],
  ['running', 'resume', 'transition_not_allowed'],
  ['paused', 'pause', 'transition_not_allowed'],
  ['blocked', 'pause', 'transition_not_allowed'],
  ['paused', add('decision-needed'), 'transition_not_allowed'],
  ['paused', add('blocked'), 'transition_not_allowed'],
  ['blocked', add('blocked'), 'transition_not_allowed'],
  ...['paused', 'blocked', 'deciding', 'approved', 'paused_deciding'].map(
    (id) => [id, add('completed'), 'transition_not_allowed'] as const,
  ),
  ...['deciding', 'paused_deciding', 'blocked_deciding', 'two_decisions'].map(
    (id) => [id, 'resume', 'approval_required', 'approval_required'] as const,
  ),
  ['running', 'approve', 'nothing_to_approve'],
  ['approved', 'approve', 'nothing_to_approve'],
  ['running', 'approve --checkpoint cp_0001', 'nothing_to_approve'],
  ['approved', 'approve --checkpoint cp_0001', 'nothing_to_approve'],
  ['deciding', 'approve --checkpoint cp_0002', 'nothing_to_approve'],
  ['two_decisions', 'approve', 'checkpoint_ambiguous'],
];

describe('a wrong order of commands', () => {
  const shared = sharedWorkspace(makeStates);
  for (const [id, command, code, category = 'invalid_input'] of WRONG_ORDER) {
    test(`${command} on the job ${id}: ${code}`, async () => {
      const w = shared();
      const before = await w.logOf(id);
      const { hint, retryable } = await w.refused(`job ${command} --id ${id}`, code, category);
      assert.equal(retryable, false);
      assert.ok(hint !== undefined, 'says what to do');
      assert.ok(before.equals(await w.logOf(id)), 'nothing was written');
    });
  }

  test('the refusal of an open decision names it and the command that approves it', async () => {
    const { details, hint } = await shared().refused(
      'job resume --id deciding',
      'approval_required',
      'approval_required',
    );
    assert.deepEqual(details?.['open_decisions'], ['cp_0001']);
    assert.match(hint ?? '', /approve cp_0001, with `gait job approve`/);
  });
});

const ON_A_JOB = [
  'status',
  'checkpoint add --summary s',
  'checkpoint list',
  'checkpoint show --checkpoint cp_0001',
  'pause',
  'approve',
  'resume',
  'cancel',
  'stop',
  'inspect',
  'log',
  'log --at 1',
  'log --follow',
  'verify',
  'repair',
  'repair --yes',
];

const BAD_IDS = ['../up', 'a/b', '..', '.', '', 'x'.repeat(129), 'ä', 'a b', '-x', '/etc', 'a\\b', 'a\nb'];

describe('an id', () => {
  const shared = sharedWorkspace(makeStates);
  for (const command of ON_A_JOB) {
    test(`unknown, for job ${command}`, async () => {
      const w = shared();
      await w.refused(`job ${command} --id nobody`, 'job_not_found', 'invalid_input');
      assert.ok(
        !Object.keys(await w.everything()).some((file) => file.includes('nobody')),
        'nothing was made',
      );
    });
  }

  test('unknown, for pack build: as an id and as a path', async () => {
    const w = shared();
    await w.refused('pack build --type job --from nobody', 'job_not_found', 'invalid_input');
    await w.refused('pack build --type job --from ./no/where', 'job_not_found', 'invalid_input');
  });

  for (const id of BAD_IDS) {
    test(`that is none: ${JSON.stringify(id.slice(0, 10))}`, async () => {
      const w = shared();
      const before = await w.everything();
      for (const command of ['submit', 'status', 'cancel', 'verify'])
        await w.refused(['job', command, `--id=${id}`], 'stream_id_invalid', 'invalid_input');
      await w.unchanged(before);
    });
  }

  test('of 128 characters, and one with a dot, a colon and a dash, are ids', async (t) => {
    const w = await workspace(t);
    for (const id of ['x'.repeat(128), 'a.b:c_d-e']) await w.ok(`job submit --id ${id}`);
  });
});

/** A command line that is wrong in itself, its error, and what the hint or message has to name. */
const MISTYPED: readonly (readonly [line: string, code: string, names?: RegExp])[] = [
  ['job checkpoint add --id running', 'flag_missing', /--summary/],
  [
    'job checkpoint add --id running --type progres --summary s',
    'flag_value_invalid',
    /Did you mean progress/,
  ],
  ['job checkpoint add --id running --type decision-needed --summary s', 'required_action_missing'],
  [
    "job checkpoint add --id running --type decision-needed --summary s --required-action ' '",
    'required_action_missing',
  ],
  ["job checkpoint add --id running --summary ''", 'summary_invalid'],
  ["job checkpoint add --id running --summary '   '", 'summary_invalid'],
  [`job checkpoint add --id running --summary ${'x'.repeat(600)}`, 'summary_invalid', /512/],
  [`job pause --id running --reason ${'x'.repeat(513)}`, 'reason_invalid', /512/],
  [`job pause --id running --actor ${'x'.repeat(257)}`, 'actor_invalid', /256/],
  ["job pause --id running --actor ''", 'actor_invalid'],
  ['job status', 'flag_missing', /--id/],
  ['job status --ID running', 'flag_unknown', /--id/],
  ['job status --id running --rot x', 'flag_unknown', /--root/],
  ['job status --id', 'flag_value_missing'],
  ['job status --id --root x', 'flag_value_missing'],
  ['job status --id running --json=maybe', 'flag_value_invalid'],
  ['job status running', 'flag_missing', /--id/],
  ['job status --id running extra', 'argument_unexpected', /extra/],
  ['job status --id running one two', 'argument_unexpected', /one/],
  ['job status --id running -x', 'flag_unknown', /-x/],
  ['job log --id running --at first', 'flag_value_invalid'],
  ['job log --id running --at -1', 'flag_value_invalid'],
  ['job list --status runing', 'flag_value_invalid', /running/],
  ['job checkpoint show --id running', 'flag_missing', /--checkpoint/],
  ['job checkpoint show --id running --checkpoint cp_9999', 'checkpoint_not_found'],
  ['job submit --id new --fingerprint-rule shell', 'fingerprint_rule_invalid', /env:NAME/],
  ['job submit --id new --fingerprint-rule env:', 'fingerprint_rule_invalid'],
  ["job submit --id new --root ''", 'flag_value_invalid'],
  ['pack verify', 'argument_missing'],
  ['pack verify nowhere.zip', 'file_not_found', /nowhere\.zip/],
  ['pack verify a.zip --path b.zip', 'argument_unexpected'],
  ['pack verify .', 'not_a_file'],
  ['pack inspect nowhere.zip', 'file_not_found'],
  ['pack inspect gait-out', 'not_a_file'],
  ['pack build --from running', 'run_not_found', /running/],
  ['pack build --type job', 'argument_missing', /--from/],
  ['pack build --type jobs --from running', 'flag_value_invalid', /job/],
  ['job status --id a --id b', 'flag_repeated', /--id/],
  ['--frobnicate', 'flag_unknown', /gait --help/],
  ['job --frobnicate', 'flag_unknown', /gait job --help/],
];

const UNKNOWN_COMMANDS: readonly (readonly [line: string, near?: RegExp])[] = [
  ['jbo', /job/],
  ['job submitt --id x', /job submit/],
  ['job checkpoint ad --id x', /job checkpoint add/],
  ['pack verfy x.zip', /pack verify/],
  ['something else entirely'],
];

describe('a command line that is wrong in itself', () => {
  const shared = sharedWorkspace(makeStates);
  for (const [line, code, names] of MISTYPED) {
    test(`${line.slice(0, 90)}: ${code}`, async () => {
      const { error, hint } = await shared().refused(line, code, 'invalid_input');
      if (names !== undefined) assert.match(`${error} ${hint}`, names);
    });
  }

  for (const [line, near] of UNKNOWN_COMMANDS) {
    test(`${line}: unknown, and the nearest is named`, async () => {
      const { hint, schema_id } = await shared().refused(line, 'command_unknown', 'invalid_input');
      assert.equal(schema_id, 'gait.output');
      assert.match(hint ?? '', near ?? /gait --help/);
    });
  }

  test('is answered as JSON wherever --json stands', async () => {
    const result = await shared().gait('job status --nonsense --json');
    assert.equal(result.json().error_code, 'flag_unknown');
    const first = await shared().gait('job status --json --nonsense');
    assert.equal(first.json().error_code, 'flag_unknown');
  });

  test('leaves no trace', async () => {
    const w = shared();
    const ids = Object.keys(await w.everything('gait-out/jobs')).map((file) => file.split('/').at(-2));
    assert.deepEqual(ids.sort(), Object.keys(STATES).sort());
  });
});

test('a 512-character summary is taken, counted in characters and not in bytes', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  const summary = '🚢'.repeat(512);
  const { checkpoint: added } = await w.ok(`job checkpoint add --id demo --summary ${summary}`);
  assert.equal(added?.summary, summary);
});

test('a file that is no pack does not verify, and that is no mistake of the caller', async (t) => {
  const w = await workspace(t);
  await writeFile(w.path('empty.zip'), '');
  await writeFile(w.path('other.zip'), 'PK but nothing else');
  for (const name of ['empty.zip', 'other.zip']) {
    for (const command of ['verify', 'inspect'])
      await w.refused(`pack ${command} ${name}`, 'pack_damaged', 'verification_failed');
  }
});
