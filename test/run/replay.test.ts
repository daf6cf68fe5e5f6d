import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, test } from 'node:test';
import { canonicalBytes, parseCanonical } from '../../src/core/canonical.ts';
import { canonicalDigest, sha256Hex } from '../../src/core/digest.ts';
import { GaitError } from '../../src/core/errors.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { allowListOf, checkInterlocks } from '../../src/host/replay_tools.ts';
import type { Result, RunIntent, RunManifest } from '../../src/run/documents.ts';
import {
  answered,
  notExecuted,
  outcomeOf,
  planReplay,
  type ReplayStep,
  replayFailure,
  replayRecord,
  stubTypeOf,
  type ToolAnswer,
  type ToolCall,
} from '../../src/run/replay.ts';
import validateReplay from '../../src/schema/generated/run_replay.js';
import { schemaFault } from '../../src/schema/validator.ts';
import { jsonValue } from '../support/json.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

const RUN_ID = 'run_1';
const BASE = { schema_version: '1.0.0', created_at: '2026-02-14T00:00:00Z', producer_version: 'test-1' };
const DIGEST = sha256Hex('a result');

function intent(intent_id: string, tool_name: string, args?: JsonObject): RunIntent {
  const known =
    args === undefined ? { args_digest: sha256Hex('unknown') } : { args_digest: canonicalDigest(args) };
  const kept = args === undefined || Object.keys(args).length === 0 ? {} : { args };
  return {
    ...BASE,
    schema_id: 'gait.runpack.intent',
    run_id: RUN_ID,
    intent_id,
    tool_name,
    ...known,
    ...kept,
  };
}

function result(intent_id: string, status = 'ok', result_digest: string = DIGEST): Result {
  return { ...BASE, schema_id: 'gait.runpack.result', run_id: RUN_ID, intent_id, status, result_digest };
}

const OK: ToolAnswer = {
  execution: 'executed',
  status: 'ok',
  result_digest: DIGEST,
  exit_code: 0,
  duration_ms: 3,
};

/** What a replay comes to, and the calls that it makes. */
function replayed(
  given: { readonly intents: readonly RunIntent[]; readonly results?: readonly Result[] },
  allow: readonly string[] = [],
  answer: ToolAnswer = OK,
): {
  readonly steps: readonly ReplayStep[];
  readonly calls: readonly ToolCall[];
  readonly code: string | undefined;
} {
  const plan = planReplay({ captureMode: 'raw', results: [], ...given }, allow);
  const steps = plan.map((planned) => ('step' in planned ? planned.step : answered(planned, answer)));
  const calls = plan.flatMap((planned) => ('call' in planned ? [planned.call] : []));
  return { steps, calls, code: replayFailure(outcomeOf(steps))?.code };
}

/** The call that an allowed tool with these arguments makes, or why it makes none. */
function callOf(tool: string, args: JsonObject): ToolCall | string | undefined {
  const { steps, calls } = replayed({ intents: [intent('i', tool, args)] }, [tool]);
  return calls[0] ?? steps[0]?.error;
}

describe('a replay from the record', () => {
  test('gives a recorded result again, whatever its status, and does not fail because of it', () => {
    const given = {
      intents: [intent('a', 'db.query'), intent('b', 'x')],
      results: [result('b', 'error'), result('a')],
    };
    const { steps, calls, code } = replayed(given);
    assert.deepEqual(steps, [
      { intent_id: 'a', tool_name: 'db.query', execution: 'recorded', status: 'ok', result_digest: DIGEST },
      { intent_id: 'b', tool_name: 'x', execution: 'recorded', status: 'error', result_digest: DIGEST },
    ]);
    assert.deepEqual([calls, code], [[], undefined]);
  });

  test('leaves out a digest that the producer did not know', () => {
    const { steps } = replayed({ intents: [intent('a', 'x')], results: [result('a', 'ok', '')] });
    assert.deepEqual(steps, [{ intent_id: 'a', tool_name: 'x', execution: 'recorded', status: 'ok' }]);
  });

  test('lets a stub stand in by the name of the tool, with the digest of the Go versions', () => {
    const args_digest = '750E374CBB0B865FAE46F13877131BB0B39DFFF3897C227D1DD3D928D25509BF';
    const fetch = { ...intent('intent_2', 'FETCH'), run_id: 'run_stub', args_digest };
    const { steps, code } = replayed({ intents: [fetch] });
    const result_digest = '1b6bb4ab3115e2e74d346d2131321127bf17d915022bcc66136a5ef098b13cc6';
    assert.deepEqual(steps, [
      {
        intent_id: 'intent_2',
        tool_name: 'FETCH',
        execution: 'stubbed',
        status: 'stubbed',
        stub_type: 'http',
        result_digest,
      },
    ]);
    assert.equal(code, undefined);
  });

  const TYPES: Readonly<Record<string, readonly string[]>> = {
    http: ['http.get', 'prefetch', 'open_URL', 'http.file'],
    file: ['file.open', 'xpath', 'fs.stat', 'write_it', 'file.query'],
    db: ['db.select', 'run_sql', 'query', 'TABLE', 'db.queue'],
    queue: ['queue.send', 'topic.tail', 'publish', 'kafka'],
    undefined: ['mystery', 'tool.read', 'constructor', ''],
  };
  for (const [type, tools] of Object.entries(TYPES)) {
    test(`stub type ${type}: ${tools.join(', ')}`, () => {
      for (const tool of tools) assert.equal(String(stubTypeOf(tool)), type, tool);
    });
  }

  test('names what nothing can answer, and is incomplete', () => {
    const { steps, code } = replayed({ intents: [intent('a', 'mystery'), intent('b', 'db.query')] });
    assert.deepEqual(steps[0], {
      intent_id: 'a',
      tool_name: 'mystery',
      execution: 'missing',
      status: 'missing_result',
    });
    assert.deepEqual(outcomeOf(steps).missing_results, ['a']);
    assert.equal(code, 'replay_incomplete');
    assert.equal(replayFailure(outcomeOf(steps))?.category, 'verification_failed');
  });

  test('refuses a run that says two things of one intent', () => {
    const twice = [intent('a', 'x'), intent('a', 'y')];
    assert.throws(() => replayed({ intents: twice }), gaitError('run_ambiguous', 'invalid_input'));
    const results = [result('a'), result('a', 'error')];
    const ambiguous = (): unknown => replayed({ intents: [intent('a', 'x')], results });
    assert.throws(ambiguous, gaitError('run_ambiguous', 'invalid_input'));
  });
});

describe('a replay with real tools', () => {
  test('calls the allowed tools, even where a result is recorded, and no others', () => {
    const intents = [
      intent('a', 'Echo', { message: 'hi' }),
      intent('b', 'exec', { command: 'rm x' }),
      intent('c', 'echo', {}),
    ];
    const { steps, calls, code } = replayed({ intents, results: [result('a'), result('b')] }, ['echo']);
    assert.deepEqual(calls, [
      { tool: 'echo', message: 'hi' },
      { tool: 'echo', message: 'echo' },
    ]);
    assert.deepEqual(
      steps.map(({ execution }) => execution),
      ['executed', 'recorded', 'executed'],
    );
    assert.deepEqual(steps[0], { intent_id: 'a', tool_name: 'Echo', ...OK });
    assert.equal(code, undefined);
  });

  test('never says of a tool that it does not know that it was executed', () => {
    for (const tool of ['other.tool', 'constructor', '__proto__', 'echo2', ' echo']) {
      const { steps, calls, code } = replayed({ intents: [intent('a', tool, {})], results: [result('a')] }, [
        tool,
      ]);
      assert.deepEqual([calls, code], [[], 'replay_failed'], tool);
      assert.deepEqual([steps[0]?.execution, steps[0]?.status], ['unsupported', 'error']);
      assert.match(steps[0]?.error ?? '', /executes only echo, /);
    }
  });

  test('fails when a step failed', () => {
    const failed: ToolAnswer = { execution: 'executed', status: 'error', error: 'exit code 3', exit_code: 3 };
    const given = { intents: [intent('a', 'exec', { command: 'false' }), intent('b', 'mystery')] };
    const { steps, code } = replayed(given, ['exec'], failed);
    const { failed_steps, missing_results } = outcomeOf(steps);
    assert.deepEqual([failed_steps, missing_results, code], [['a'], ['b'], 'replay_failed']);
    assert.equal(replayed(given, ['exec'], notExecuted('interrupted')).code, 'replay_failed');
  });

  test('refuses calls whose arguments the run does not hold, before any is made', () => {
    const intents = [intent('a', 'echo', { message: 'hi' }), intent('b', 'exec'), intent('c', 'unknown')];
    const refusal = gaitError('replay_without_arguments', 'invalid_input');
    assert.throws(
      () => replayed({ intents }, ['echo', 'exec', 'unknown']),
      (error) => {
        assert.ok(refusal(error) && error instanceof GaitError);
        assert.deepEqual(error.details, { intents: ['b'] });
        return true;
      },
    );
    assert.equal(replayed({ intents }, ['echo']).calls.length, 1, 'exec is not allowed, so it needs none');
  });

  const CALLS: readonly (readonly [tool: string, args: JsonObject, call: ToolCall])[] = [
    ['tool.echo', { message: '  padded  ' }, { tool: 'echo', message: 'padded' }],
    ['echo', { message: '   ' }, { tool: 'echo', message: 'echo' }],
    [
      'file.write',
      { path: 'a/./b//c.txt', content: '  x\n ' },
      { tool: 'write', path: 'a/./b//c.txt', content: '  x\n ' },
    ],
    ['fs.write', { path: '..a', content: '' }, { tool: 'write', path: '..a', content: '' }],
    ['shell.exec', { command: 'ls | wc' }, { tool: 'run', argv: ['sh', '-c', '--', 'ls | wc'] }],
    ['command.run', { argv: ['ls', '-l', ''] }, { tool: 'run', argv: ['ls', '-l', ''] }],
  ];
  for (const [tool, args, call] of CALLS) {
    test(`${tool} ${JSON.stringify(args)}`, () => assert.deepEqual(callOf(tool, args), call));
  }

  const REFUSED: readonly (readonly [tool: string, args: JsonObject, why: RegExp])[] = [
    ['echo', { message: 7 }, /message is not text/],
    ['write_file', { content: 'x' }, /path is not text/],
    ['write_file', { path: 'a' }, /content is not text/],
    ...['/etc/passwd', '//a', '/'].map(
      (path) => ['fs.write', { path, content: '' }, /absolute|no file/] as const,
    ),
    ...['../a', 'a/../../b', 'a/..', '..'].map(
      (path) => ['fs.write', { path, content: '' }, /leads out/] as const,
    ),
    ...['', 'a/', '.', 'a/.'].map((path) => ['fs.write', { path, content: '' }, /names no file/] as const),
    ...['a\\..\\b', 'a\0b'].map((path) => ['fs.write', { path, content: '' }, /backslash or a NUL/] as const),
    ['exec', { other: 1 }, /command is not text/],
    ['exec', { command: 'echo \0' }, /command is not text/],
    ['exec', { argv: [] }, /argv is not a list of words/],
    ['exec', { argv: [''] }, /argv is not a list of words/],
    ['exec', { argv: ['ls', 1] }, /argv is not a list of words/],
    ['exec', { argv: 'ls' }, /argv is not a list of words/],
    ['exec', { argv: ['ls'], command: 'ls' }, /exclude each other/],
  ];
  for (const [tool, args, why] of REFUSED) {
    test(`refuses ${tool} ${JSON.stringify(args)}`, () => assert.match(String(callOf(tool, args)), why));
  }
});

describe('the interlocks', () => {
  const released = { unsafeFlag: true, allow: ['echo'], variables: { A: '1' } };

  test('let pass only what releases every one of them', () => {
    checkInterlocks(released);
    const refused = gaitError('real_replay_refused', 'unsafe_operation');
    assert.throws(() => checkInterlocks({ ...released, unsafeFlag: false }), refused);
    assert.throws(() => checkInterlocks({ ...released, allow: [] }), refused);
    for (const B of [undefined, '', '0', 'true', ' 1', '1 ', '01', '11'])
      assert.throws(() => checkInterlocks({ ...released, variables: { A: '1', B } }), refused, B);
  });

  test('an allow-list is names apart by commas, in no order and of any case', () => {
    assert.deepEqual(allowListOf(['tool.echo, Echo', 'echo']), ['echo', 'tool.echo']);
    assert.deepEqual(allowListOf(['', ' , ,']), []);
  });
});

/** Any run, whose tools are the ones that gait knows, names near them, and others. */
function anyRun(): fc.Arbitrary<{ intents: RunIntent[]; results: Result[] }> {
  const known = [
    'echo',
    'ECHO',
    'tool.echo',
    'file.write',
    'fs.write',
    'write_file',
    'shell.exec',
    'exec',
    'command.run',
  ];
  const tool = fc.oneof(
    fc.constantFrom(...known),
    fc.constantFrom('mystery', 'http.get', 'sql'),
    fc.string({ minLength: 1 }),
  );
  const args = fc.oneof(
    fc.record({ message: jsonValue() }),
    fc.record({ path: fc.string(), content: fc.string() }),
    fc.record({ command: fc.string() }),
    fc.record({ argv: fc.array(fc.string()) as fc.Arbitrary<Json> }),
    fc.dictionary(fc.string(), jsonValue(), { maxKeys: 2 }),
  );
  const recorded = fc.option(fc.tuple(fc.constantFrom('ok', 'error'), fc.constantFrom('', DIGEST)), {
    nil: undefined,
  });
  return fc.array(fc.tuple(tool, args, recorded), { maxLength: 8 }).map((all) => ({
    intents: all.map(([name, given], index) => intent(`i${index}`, name, given)),
    results: all.flatMap(([, , kept], index) => (kept === undefined ? [] : [result(`i${index}`, ...kept)])),
  }));
}

const allowLists = fc.subarray(['echo', 'tool.echo', 'file.write', 'shell.exec', 'exec', 'mystery', 'sql']);
const answers: fc.Arbitrary<ToolAnswer> = fc.constantFrom(
  OK,
  { execution: 'executed', status: 'error', error: 'ended by SIGKILL', exit_code: null, duration_ms: 0 },
  notExecuted('args.path leads out of the working directory at x'),
);

describe('of every run and allow-list', () => {
  test('each intent is one step, answered in the one way that is open to it', () => {
    fc.assert(
      fc.property(anyRun(), allowLists, answers, (run, allow, answer) => {
        const { steps } = replayed(run, allow, answer);
        assert.deepEqual(
          steps.map(({ intent_id }) => intent_id),
          run.intents.map(({ intent_id }) => intent_id),
        );
        for (const step of steps) {
          const allowed = allow.includes(step.tool_name.toLowerCase());
          assert.equal(allowed, step.execution === 'executed' || step.execution === 'unsupported');
          const isRecorded = run.results.some(({ intent_id }) => intent_id === step.intent_id);
          assert.equal(step.execution === 'recorded', isRecorded && !allowed);
          assert.equal(step.execution === 'stubbed', step.stub_type !== undefined);
        }
      }),
    );
  });

  test('nothing is called without an allow-list', () => {
    fc.assert(fc.property(anyRun(), (run) => assert.deepEqual(replayed(run).calls, [])));
  });

  test('it fails exactly when a step has no answer, or an allowed one has no good one', () => {
    fc.assert(
      fc.property(anyRun(), allowLists, answers, (run, allow, answer) => {
        const { steps, code } = replayed(run, allow, answer);
        const good = ({ execution, status }: ReplayStep): boolean =>
          execution === 'recorded' ||
          execution === 'stubbed' ||
          (execution === 'executed' && status === 'ok');
        assert.equal(code === undefined, steps.every(good));
      }),
    );
  });

  test('the record conforms to its schema and is canonical, the same for the same replay', () => {
    const manifest = { run_id: RUN_ID, manifest_digest: DIGEST } as RunManifest;
    const facts = {
      created_at: '2026-02-14T00:00:00.1Z',
      producer_version: 'test-1',
      mode: 'real',
      actor: 'alice',
    } as const;
    fc.assert(
      fc.property(anyRun(), allowLists, answers, (run, allow, answer) => {
        const made = (): object => {
          const { steps } = replayed(run, allow, answer);
          return replayRecord(manifest, outcomeOf(steps), { ...facts, allow_tools: allow });
        };
        assert.equal(schemaFault(validateReplay, made()), undefined);
        const bytes = canonicalBytes(made());
        assert.ok(bytes.equals(canonicalBytes(made())));
        assert.equal(parseCanonical(bytes) !== undefined, true);
      }),
    );
  });

  test('a path that is accepted stays below the working directory', () => {
    const part = fc.constantFrom('..', '.', '', 'a', '/', '\\', '...', ' ', '\0', '..\u200b');
    const path = fc.oneof(
      fc.array(part).map((parts) => parts.join('/')),
      fc.array(part).map((parts) => parts.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(path, (text) => {
        const call = callOf('fs.write', { path: text, content: '' });
        if (typeof call !== 'object' || call.tool !== 'write') return;
        const place = posix.join('/place', call.path);
        assert.ok(place.startsWith('/place/') && !place.endsWith('/'), JSON.stringify(text));
      }),
      { numRuns: 1000 },
    );
  });
});

test('a reference capture that holds arguments all the same is not executed', () => {
  const intents = [intent('i1', 'echo', { message: 'hi' })];
  const run = { captureMode: 'reference', intents, results: [] } as const;
  assert.throws(() => planReplay(run, ['echo']), gaitError('replay_without_arguments', 'invalid_input'));
  assert.equal(planReplay(run).length, 1);
});
