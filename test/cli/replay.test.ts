import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseCanonical } from '../../src/core/canonical.ts';
import { canonicalDigest, sha256Hex } from '../../src/core/digest.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { CapturedRun } from '../../src/run/documents.ts';
import { recordRun } from '../../src/run/record.ts';
import type { ReplayRecord, ReplayStep } from '../../src/run/replay.ts';
import { buildRunpack } from '../../src/run/runpack.ts';
import validateReplay from '../../src/schema/generated/run_replay.js';
import { schemaFault } from '../../src/schema/validator.ts';
import { zipOf } from '../../src/zip/writer.ts';
import { type RunOptions, type Workspace, workspace } from '../support/cli.ts';
import type { Output } from './output.ts';

/** What `run replay --json` prints. */
type ReplayOutput = Output & {
  readonly run_id: string;
  readonly mode: string;
  readonly steps: readonly ReplayStep[];
  readonly missing_results: readonly string[];
  readonly failed_steps: readonly string[];
  readonly requested_unsafe: boolean;
  readonly warnings: readonly string[];
  readonly path: string;
  readonly workdir?: string;
  readonly replay_path: string;
  readonly replay_sha256: string;
};

const ALLOWED: RunOptions = { env: { GAIT_ALLOW_REAL_REPLAY: '1' } };
const REAL = 'run replay run.zip --real-tools --unsafe-real-tools --allow-tools';
const RECORD = 'gait-out/replays/replay_run_1.json';
const RECORDS: Record<string, string> = { stub: RECORD, real: 'gait-out/replays/replay_run_1_real.json' };
const EMPTY = canonicalDigest({});

type Call = readonly [tool: string, args?: JsonObject];

function capture(
  calls: readonly Call[],
  mode: 'raw' | 'reference' = 'raw',
  results: readonly JsonObject[] = [],
): CapturedRun {
  const intents = calls.map(([tool_name, args], index) => {
    const given = args === undefined ? { args_digest: EMPTY } : { args };
    return { intent_id: `i${index + 1}`, tool_name, ...given };
  });
  const input = { run: { run_id: 'run_1' }, intents, results, capture_mode: mode };
  return recordRun(input, {
    now: '2026-02-14T00:00:00Z',
    machine: { os: 'linux', arch: 'amd64', runtime: 'node' },
  });
}

async function pack(w: Workspace, run: CapturedRun): Promise<void> {
  await writeFile(w.path('run.zip'), await zipOf(buildRunpack(run).members));
}

/** A workspace with the runpack of a run in which these calls were made. */
async function withRun(t: Parameters<typeof workspace>[0], ...calls: readonly Call[]): Promise<Workspace> {
  const w = await workspace(t);
  await pack(w, capture(calls));
  return w;
}

/** Runs a replay to its end, whatever that is. */
async function replay(
  w: Workspace,
  line: string,
  options: RunOptions = ALLOWED,
): Promise<ReplayOutput & { exit: number }> {
  const result = await w.gait(`${line} --json`, options);
  return { ...(result.json() as unknown as ReplayOutput), exit: result.exit };
}

/** The only step of a run with one call, really executed. */
async function executed(w: Workspace, flags = '', options: RunOptions = ALLOWED): Promise<ReplayStep> {
  const { steps } = await replay(w, `${REAL} shell.exec,file.write ${flags}`, options);
  const [step] = steps;
  assert.ok(step !== undefined && steps.length === 1);
  return step;
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

function shell(command: string): Call {
  return ['shell.exec', { command }];
}

describe('the interlocks of real tools', () => {
  const FLAGS = ['--real-tools', '--unsafe-real-tools', '--allow-tools shell.exec'] as const;
  const combinations = Array.from({ length: 16 }, (_, bits) => bits);

  for (const bits of combinations) {
    const flags = FLAGS.filter((_, bit) => (bits & (1 << bit)) !== 0);
    const env = (bits & 8) === 0 ? {} : { GAIT_ALLOW_REAL_REPLAY: '1' };
    const name = [...flags, ...Object.keys(env)].join(' ') || 'nothing given';
    test(`${name}: ${bits === 15 ? 'runs' : 'runs nothing'}`, async (t) => {
      const w = await workspace(t);
      const results = [{ intent_id: 'i1', status: 'ok', result: { made: true } }];
      await pack(w, capture([shell(`touch '${w.path('marker')}'`)], 'raw', results));
      const before = await w.everything();
      const { exit, error_code, mode, requested_unsafe, steps } = await replay(
        w,
        `run replay run.zip ${flags.join(' ')}`,
        { env },
      );
      assert.equal(await exists(w.path('marker')), bits === 15);
      if (bits === 15) return assert.deepEqual([exit, mode, steps[0]?.execution], [0, 'real', 'executed']);
      if ((bits & 1) === 0) {
        assert.deepEqual([exit, mode, requested_unsafe], [0, 'stub', (bits & 2) !== 0]);
        return assert.equal(steps[0]?.execution, 'recorded');
      }
      assert.deepEqual([exit, error_code], [8, 'real_replay_refused']);
      assert.deepEqual(await readdir(w.dir), ['run.zip']);
      await w.unchanged(before);
    });
  }

  const VALUES: readonly (readonly [flags: string, env: NodeJS.ProcessEnv, exit: number])[] = [
    ...['0', 'true', 'yes', '', ' 1', '11'].map(
      (value) => ['shell.exec', { GAIT_ALLOW_REAL_REPLAY: value }, 8] as const,
    ),
    ["' , '", { GAIT_ALLOW_REAL_REPLAY: '1' }, 8],
    ['shell.exec --unsafe-real-tools-env SHLVL', { SHLVL: '1' }, 8],
    ['shell.exec --unsafe-real-tools-env MY_OK', { MY_OK: '1' }, 8],
    ['shell.exec --unsafe-real-tools-env MY_OK', { GAIT_ALLOW_REAL_REPLAY: '1' }, 8],
    ['shell.exec --unsafe-real-tools-env MY_OK', { GAIT_ALLOW_REAL_REPLAY: '1', MY_OK: '1' }, 0],
  ];
  for (const [flags, env, expected] of VALUES) {
    test(`${flags} with ${JSON.stringify(env)}: exit ${expected}`, async (t) => {
      const w = await workspace(t);
      await pack(w, capture([shell(`touch '${w.path('marker')}'`)]));
      const { exit } = await replay(w, `${REAL} ${flags}`, { env });
      assert.deepEqual([exit, await exists(w.path('marker'))], [expected, expected === 0]);
    });
  }

  test('are asked before the run is looked for', async (t) => {
    const w = await workspace(t);
    await w.refused('run replay ./absent.zip --real-tools', 'real_replay_refused', 'unsafe_operation');
    await w.refused('run replay ./absent.zip', 'file_not_found', 'invalid_input');
  });
});

describe('what is refused before anything runs', () => {
  async function refused(
    w: Workspace,
    flags: string,
    code: string,
    category: 'invalid_input' | 'verification_failed' | 'unsafe_operation',
  ): Promise<void> {
    const before = await w.everything();
    await w.refused(`${REAL} shell.exec ${flags}`, code, category, ALLOWED);
    assert.equal(await exists(w.path('marker')), false);
    await w.unchanged(before);
  }

  test('a run without the arguments, though another call has its own', async (t) => {
    const w = await workspace(t);
    const touch = shell(`touch '${w.path('marker')}'`);
    await pack(w, capture([touch], 'reference'));
    await refused(w, '', 'replay_without_arguments', 'invalid_input');
    const { intents, ...run } = capture([touch, shell('true')]);
    const stripped = intents.map(({ args, ...intent }, index) =>
      index === 0 && args !== undefined ? { ...intent, args } : intent,
    );
    await pack(w, { ...run, intents: stripped });
    await refused(w, '', 'replay_without_arguments', 'invalid_input');
  });

  test('a run with an intent or a result twice', async (t) => {
    const w = await workspace(t);
    const result = { intent_id: 'i1', status: 'ok', result: { made: true } };
    const run = capture([shell(`touch '${w.path('marker')}'`)], 'raw', [result]);
    for (const twice of [
      { intents: [...run.intents, ...run.intents] },
      { results: [...run.results, ...run.results] },
    ]) {
      await pack(w, { ...run, ...twice });
      await refused(w, '', 'pack_damaged', 'verification_failed');
      await w.refused('run replay run.zip', 'pack_damaged', 'verification_failed');
    }
  });

  test('a pack that does not verify', async (t) => {
    const w = await withRun(t, shell("touch '$PWD/marker'"));
    const bytes = await readFile(w.path('run.zip'));
    const at = bytes.indexOf('touch');
    bytes.write('TOUCH', at);
    await writeFile(w.path('run.zip'), bytes);
    await refused(w, '', 'pack_damaged', 'verification_failed');
  });

  test('limits and places that cannot be', async (t) => {
    const w = await workspace(t);
    await pack(w, capture([shell(`touch '${w.path('marker')}'`)]));
    await writeFile(w.path('mine.txt'), 'mine');
    for (const flags of [
      '--timeout 0',
      '--timeout 86401',
      "--workdir ''",
      "--record ''",
      '--pass-env A=1',
      "--pass-env ''",
    ])
      await refused(w, flags, 'flag_value_invalid', 'invalid_input');
    await refused(w, '--workdir mine.txt', 'path_unusable', 'invalid_input');
    await refused(w, '--workdir gait-out/jobs/x', 'out_unsafe', 'unsafe_operation');
    for (const file of ['mine.txt', 'run.zip', 'gait-out/keys/r.json'])
      await refused(w, `--record ${file}`, 'out_unsafe', 'unsafe_operation');
    await refused(w, "--actor ''", 'actor_invalid', 'invalid_input');
  });
});

describe('the tools', () => {
  test('only the allowed ones run; the others are answered as without --real-tools', async (t) => {
    const w = await withRun(
      t,
      shell('echo ran > ran'),
      ['file.write', { path: 'written', content: 'x' }],
      ['mystery', { x: 1 }],
      ['Echo', { message: 'hi' }],
    );
    const output = await replay(w, `${REAL} SHELL.exec --allow-tools echo`);
    assert.deepEqual(
      output.steps.map(({ tool_name, execution, status }) => [tool_name, execution, status]),
      [
        ['shell.exec', 'executed', 'ok'],
        ['file.write', 'stubbed', 'stubbed'],
        ['mystery', 'missing', 'missing_result'],
        ['Echo', 'executed', 'ok'],
      ],
    );
    assert.deepEqual(
      [output.exit, output.error_code, output.missing_results],
      [2, 'replay_incomplete', ['i3']],
    );
    assert.deepEqual(output.warnings, ['allow_tools=echo,shell.exec']);
    assert.equal(output.steps[3]?.result_digest, sha256Hex('hi'));
    assert.deepEqual(await readdir(output.workdir ?? ''), ['ran']);
  });

  test('one that gait does not know fails the command, and is not said to be executed', async (t) => {
    const w = await withRun(t, ['other.tool', { x: 1 }]);
    const { exit, error_code, steps, failed_steps } = await replay(w, `${REAL} other.tool`);
    assert.deepEqual([exit, error_code, failed_steps], [2, 'replay_failed', ['i1']]);
    assert.deepEqual([steps[0]?.execution, steps[0]?.status], ['unsupported', 'error']);
  });

  test('both outputs are digested as one stream, in the order in which they are written', async (t) => {
    const w = await withRun(t, shell('echo a; echo b >&2; echo c'));
    const { duration_ms, ...step } = await executed(w);
    const sha256 = sha256Hex('a\nb\nc\n');
    const output = { result_digest: sha256, output_sha256: sha256, output_bytes: 6, output_truncated: false };
    assert.deepEqual(step, {
      intent_id: 'i1',
      tool_name: 'shell.exec',
      execution: 'executed',
      status: 'ok',
      exit_code: 0,
      ...output,
    });
    assert.ok(Number.isInteger(duration_ms));
  });

  const FAILURES: readonly (readonly [
    command: string,
    code: number | null,
    error: RegExp,
    printed: string,
  ])[] = [
    ['echo out; exit 3', 3, /^exit code 3$/, 'out\n'],
    ['kill -9 $$', null, /^ended by SIGKILL$/, ''],
  ];
  for (const [command, code, error, printed] of FAILURES) {
    test(`\`${command}\` fails the command, and the next step is made all the same`, async (t) => {
      const w = await withRun(t, shell(command), shell('true'));
      const { exit, error_code, steps, failed_steps } = await replay(w, `${REAL} shell.exec`);
      assert.deepEqual([exit, error_code, failed_steps], [2, 'replay_failed', ['i1']]);
      assert.deepEqual([steps[0]?.status, steps[0]?.exit_code, steps[1]?.status], ['error', code, 'ok']);
      assert.match(steps[0]?.error ?? '', error);
      assert.equal(steps[0]?.result_digest, sha256Hex(printed));
    });
  }

  test('words go to the program as they are, and a program that is not there is a failure', async (t) => {
    const words = ['printf', '%s|', '$HOME', '*', '; echo x', ''];
    const w = await withRun(t, ['command.run', { argv: words }], ['exec', { argv: ['/no/such/program'] }]);
    const { steps } = await replay(w, `${REAL} command.run,exec`);
    assert.equal(steps[0]?.result_digest, sha256Hex('$HOME|*|; echo x||'));
    assert.deepEqual([steps[1]?.status, steps[1]?.exit_code], ['error', 127]);
  });

  test('a word that is too long for the operating system is a failure, not a bug', async (t) => {
    const w = await withRun(
      t,
      ['exec', { argv: ['true', 'x'.repeat(4_000_000)] }],
      ['exec', { argv: ['true'] }],
    );
    const { steps } = await replay(w, `${REAL} exec`);
    assert.deepEqual([steps[0]?.status, steps[1]?.status], ['error', 'ok']);
    assert.match(steps[0]?.error ?? '', /E2BIG/);
  });

  test('a tool reads nothing from the standard input', async (t) => {
    const w = await withRun(t, shell('cat; echo end'));
    assert.equal((await executed(w)).result_digest, sha256Hex('end\n'));
  });

  test('of an output only so many bytes are digested, and it says so', async (t) => {
    const w = await withRun(t, shell('printf 0123456789'));
    const digests: Record<string, readonly [string, number, boolean]> = {
      '--max-output 9': ['012345678', 9, true],
      '--max-output 10': ['0123456789', 10, false],
      '--max-output 0': ['', 0, true],
    };
    for (const [flag, [kept, bytes, truncated]] of Object.entries(digests)) {
      const { status, output_sha256, output_bytes, output_truncated } = await executed(w, flag);
      assert.deepEqual(
        [status, output_sha256, output_bytes, output_truncated],
        ['ok', sha256Hex(kept), bytes, truncated],
        flag,
      );
    }
    await pack(w, capture([shell('head -c 3000000 /dev/zero')]));
    const { output_sha256, output_bytes, output_truncated } = await executed(w);
    assert.deepEqual(
      [output_sha256, output_bytes, output_truncated],
      [sha256Hex(Buffer.alloc(65536)), 65536, true],
    );
  });
});

/** A process of its own that ignores SIGTERM and writes to the file `beat` for as long as it lives. */
const HEART = `(trap '' TERM HUP INT; while :; do echo beat; sleep 0.02; done) > beat 2>&1 &`;

/** Asserts that the process that wrote to a file did so, and does no more. */
async function assertStopped(file: string): Promise<void> {
  const { size } = await stat(file);
  assert.ok(size > 0, 'it was started');
  await sleep(300);
  assert.equal((await stat(file)).size, size, 'it still runs');
}

describe('what a step starts', () => {
  test('ends with its time, children and grandchildren that ignore being asked too', async (t) => {
    const w = await withRun(t, shell(`${HEART} sh -c 'sleep 60; true'; true`));
    const step = await executed(w, '--timeout 2 --workdir .');
    assert.deepEqual(
      [step.execution, step.status, step.error, step.exit_code],
      ['executed', 'error', 'timed out after 2 s', null],
    );
    await assertStopped(w.path('beat'));
  });

  test('is killed in the end when it ignores that its time is over', async (t) => {
    const w = await withRun(t, shell("trap '' TERM; while :; do echo beat | tee -a beat; sleep 0.02; done"));
    const step = await executed(w, '--timeout 2 --workdir .');
    assert.deepEqual([step.error, step.exit_code], ['timed out after 2 s', null]);
    await assertStopped(w.path('beat'));
  });

  test('may clean up when its time is over', async (t) => {
    const w = await withRun(t, shell("trap 'echo bye > bye; exit 0' TERM; while :; do sleep 0.02; done"));
    const step = await executed(w, '--timeout 2 --workdir .');
    assert.deepEqual([step.status, step.error, step.exit_code], ['error', 'timed out after 2 s', 0]);
    assert.equal(await readFile(w.path('bye'), 'utf8'), 'bye\n');
  });

  test('ends with the step, in the background too', async (t) => {
    const w = await withRun(t, shell(`${HEART} while [ ! -s beat ]; do sleep 0.02; done; echo done`));
    const step = await executed(w, '--workdir .');
    assert.deepEqual([step.status, step.result_digest], ['ok', sha256Hex('done\n')]);
    await assertStopped(w.path('beat'));
  });

  test('does not keep the step from its end by leaving the group with its output in hand', async (t) => {
    const leave =
      `"${process.execPath}" -e "process.stdout.write('x');` +
      ` require('child_process').spawn('sleep', ['30'], { detached: true, stdio: 'inherit' }).unref();"`;
    const w = await withRun(t, shell(`${leave}; echo $?`));
    const step = await executed(w, '--timeout 20');
    assert.deepEqual([step.status, step.result_digest], ['ok', sha256Hex('x0\n')]);
  });

  test('ends with gait, which says what was done and what was not', async (t) => {
    const w = await withRun(t, shell('true'), shell(`${HEART} sleep 60`), shell('touch third'), [
      'echo',
      { message: 'x' },
    ]);
    const { child, done } = w.start(`${REAL} shell.exec,echo --timeout 50 --workdir . --json`, ALLOWED);
    while (child.exitCode === null && (await stat(w.path('beat')).catch(() => ({ size: 0 }))).size === 0)
      await sleep(20);
    child.kill('SIGTERM');
    const { steps, failed_steps } = (await done).json() as unknown as ReplayOutput;
    assert.deepEqual(
      steps.map(({ execution }) => execution),
      ['executed', 'executed', 'unsupported', 'unsupported'],
    );
    assert.deepEqual(failed_steps, ['i2', 'i3', 'i4']);
    assert.match(steps[1]?.error ?? '', /^interrupted by SIGTERM$/);
    await assertStopped(w.path('beat'));
    assert.equal(await exists(w.path('third')), false);
    assert.deepEqual((await recordOf(w, RECORDS['real'])).failed_steps, ['i2', 'i3', 'i4']);
  });
});

describe('the environment of a tool', () => {
  async function variables(
    w: Workspace,
    flags = '',
    env: NodeJS.ProcessEnv = {},
  ): Promise<Record<string, string>> {
    await executed(w, `--workdir . ${flags}`, { env: { ...ALLOWED.env, ...env } });
    const lines = (await readFile(w.path('env'), 'utf8')).trimEnd().split('\n');
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }
  /** What a shell sets by itself. */
  const OWN = ['PWD', 'OLDPWD', 'SHLVL', '_'];

  test('holds no setting of gait and no secret, unless it is passed on', async (t) => {
    const w = await withRun(t, shell('env > env'));
    const env = {
      GAIT_ACTOR: 'alice',
      AWS_SECRET_ACCESS_KEY: 'secret',
      MY_TOKEN: 'token',
      HOME: w.dir,
      TZ: 'UTC',
      LANG: 'C',
    };
    const found = await variables(w, '', env);
    const names = Object.keys(found).filter((name) => !OWN.includes(name));
    assert.deepEqual(names.sort(), ['HOME', 'LANG', 'PATH', 'TZ']);
    assert.deepEqual([found['HOME'], found['TZ']], [w.dir, 'UTC']);
    const more = await variables(w, '--pass-env MY_TOKEN --pass-env UNSET', env);
    assert.deepEqual(
      [more['MY_TOKEN'], more['AWS_SECRET_ACCESS_KEY'], 'UNSET' in more],
      ['token', undefined, false],
    );
  });

  test('is that of no login shell: no profile is read', async (t) => {
    const w = await withRun(t, shell('true'));
    await mkdir(w.path('home'));
    const env = { HOME: w.path('home'), ENV: w.path('home/.profile'), BASH_ENV: w.path('home/.profile') };
    for (const name of ['.profile', '.bash_profile', '.bashrc', '.shrc'])
      await writeFile(w.path('home', name), `touch '${w.path('marker')}'\n`);
    execFileSync('sh', ['-lc', 'true'], { env: { ...env, PATH: process.env['PATH'] ?? '' } });
    assert.ok(await exists(w.path('marker')), 'a login shell does read it');
    await rm(w.path('marker'));
    assert.equal((await executed(w, '', { env: { ...ALLOWED.env, ...env } })).status, 'ok');
    assert.equal(await exists(w.path('marker')), false);
  });
});

describe('file.write', () => {
  test('writes exactly what it is given, into folders that it makes', async (t) => {
    const content = '  žluťoučký \u{1f40e}\r\n\n ';
    const w = await withRun(
      t,
      ['fs.write', { path: 'a/b/c.txt', content }],
      ['write_file', { path: 'a/b/c.txt', content: '' }],
    );
    const { steps } = await replay(w, `${REAL} fs.write --workdir out`);
    assert.equal(steps[0]?.result_digest, sha256Hex(content));
    assert.equal(await readFile(w.path('out/a/b/c.txt'), 'utf8'), content);
    assert.deepEqual([steps[0]?.status, steps[1]?.execution], ['ok', 'stubbed']);
    await replay(w, `${REAL} write_file --workdir out`);
    assert.equal(await readFile(w.path('out/a/b/c.txt'), 'utf8'), '');
  });

  test('writes through a link that stays inside', async (t) => {
    const w = await withRun(t, ['file.write', { path: 'link/x', content: 'new' }]);
    await mkdir(w.path('out/real'), { recursive: true });
    await symlink('real', w.path('out/link'));
    assert.equal((await executed(w, '--workdir out')).status, 'ok');
    assert.equal(await readFile(w.path('out/real/x'), 'utf8'), 'new');
  });

  const PATHS = [
    '../escaped',
    'a/../../escaped',
    'outside/escaped',
    'outside/a/escaped',
    'dangling',
    'dangling/escaped',
    'file',
    'hard',
    'fifo',
    'folder',
    'up/escaped',
    'logs/new/log.ndjson',
  ];
  for (const path of [...PATHS, '/absolute']) {
    test(`writes nothing at ${path}`, async (t) => {
      const w = await workspace(t);
      const named = path === '/absolute' ? w.path('escaped') : path;
      await pack(w, capture([['file.write', { path: named, content: 'escaped' }]]));
      for (const dir of ['out/folder', 'elsewhere', 'out-side'])
        await mkdir(w.path(dir), { recursive: true });
      await writeFile(w.path('elsewhere/file'), 'mine');
      await symlink('../elsewhere', w.path('out/outside'));
      await symlink(w.path('out-side'), w.path('out/up'));
      await mkdir(w.path('out/logs'));
      await symlink('../nowhere', w.path('out/dangling'));
      await symlink('../elsewhere/file', w.path('out/file'));
      await link(w.path('elsewhere/file'), w.path('out/hard'));
      execFileSync('mkfifo', [w.path('out/fifo')]);
      const env = { env: { ...ALLOWED.env, GAIT_JOB_ROOT: w.path('out/logs') } };
      const before = await w.everything();
      const { execution, status, error } = await executed(w, '--workdir out', env);
      assert.deepEqual([execution, status], ['unsupported', 'error']);
      assert.match(error ?? '', /args\.path|where logs and keys are kept/);
      await rm(w.path('gait-out'), { recursive: true });
      await w.unchanged(before);
    });
  }
});

async function recordOf(w: Workspace, path = RECORD): Promise<ReplayRecord> {
  return parseCanonical(await readFile(w.path(path))) as unknown as ReplayRecord;
}

describe('the record of a replay', () => {
  test('says what the output says, in a file of that digest, to its schema', async (t) => {
    const w = await withRun(
      t,
      shell('echo hi'),
      ['db.query', { x: 1 }],
      ['mystery', { x: 1 }],
      ['other', { x: 1 }],
    );
    const lines = { stub: 'run replay run.zip', real: `${REAL} shell.exec,other` };
    for (const [mode, line] of Object.entries(lines)) {
      const output = await replay(w, `${line} --actor alice`);
      assert.deepEqual([output.exit, output.mode, output.replay_path], [2, mode, RECORDS[mode]]);
      const bytes = await readFile(w.path(output.replay_path));
      assert.equal(sha256Hex(bytes), output.replay_sha256);
      const record = await recordOf(w, output.replay_path);
      assert.equal(schemaFault(validateReplay, record), undefined);
      const { steps, missing_results, failed_steps } = output;
      const expected = { run_id: 'run_1', mode, actor: 'alice', steps, missing_results, failed_steps };
      assert.deepEqual({ ...record, ...expected }, record);
      assert.deepEqual(record.allow_tools, mode === 'real' ? ['other', 'shell.exec'] : []);
      assert.equal((await lstat(w.path(output.replay_path))).mode & 0o777, 0o600);
    }
  });

  test('goes where it is told to, over an earlier one', async (t) => {
    const w = await withRun(t, ['db.query', { x: 1 }]);
    for (const actor of ['alice', 'bob']) {
      const { replay_path } = await replay(w, `run replay run.zip --record kept/r.json --actor ${actor}`);
      assert.equal(replay_path, 'kept/r.json');
      assert.equal((await recordOf(w, 'kept/r.json')).actor, actor);
    }
    assert.equal(await exists(w.path('gait-out')), false);
  });

  test('stays in its folder whatever the run is called', async (t) => {
    const w = await workspace(t);
    const named = (record: { readonly run_id: string }): JsonObject => ({
      ...record,
      run_id: '../../../esc',
    });
    const { run, refs, intents, results, captureMode } = capture([shell('touch made')]);
    const renamed = { captureMode, run: named(run), refs: named(refs), intents: intents.map(named), results };
    await pack(w, renamed as unknown as CapturedRun);
    const { exit, replay_path, workdir = '' } = await replay(w, `${REAL} shell.exec`);
    assert.equal(exit, 0);
    assert.match(replay_path, /^gait-out\/replays\/replay_[0-9a-f]{12}_real\.json$/);
    assert.match(workdir, /\/gait-out\/replays\/[0-9a-f]{12}\/work$/);
  });

  test('what was done is answered even when it cannot be kept', async (t) => {
    const w = await withRun(t, shell('rm -r kept && touch kept'));
    await mkdir(w.path('kept'));
    const { exit, steps, replay_path, error_category } = await replay(
      w,
      `${REAL} shell.exec --workdir . --record kept/r.json`,
    );
    assert.deepEqual([exit, error_category, replay_path], [1, 'io_failure', undefined]);
    assert.equal(steps[0]?.status, 'ok');
  });
});

describe('the working directory', () => {
  test('is a fresh one each time, unless one is named', async (t) => {
    const w = await withRun(t, shell('ls; touch made'));
    const first = await replay(w, `${REAL} shell.exec`);
    const second = await replay(w, `${REAL} shell.exec`);
    assert.match(first.workdir ?? '', /\/gait-out\/replays\/run_1-[0-9a-f]{12}\/work$/);
    assert.equal(second.workdir, `${first.workdir}-2`);
    for (const { workdir = '', steps } of [first, second]) {
      assert.equal(steps[0]?.result_digest, sha256Hex(''), 'nothing was there');
      assert.deepEqual(await readdir(workdir), ['made']);
    }
    const { workdir } = await replay(w, `${REAL} shell.exec --workdir deep/er`);
    assert.deepEqual(
      [workdir, await exists(w.path('deep/er/made'))],
      [await realpath(w.path('deep/er')), true],
    );
  });

  test('is not made when nothing is executed', async (t) => {
    const w = await withRun(t, ['db.query', { x: 1 }]);
    await replay(w, `${REAL} shell.exec`);
    assert.deepEqual(await readdir(w.path('gait-out/replays')), ['replay_run_1_real.json']);
  });
});

test('for people: a line for each step, and what was written where', async (t) => {
  const w = await withRun(t, shell('exit 3'), ['db.query', { x: 1 }], ['Echo', { message: '\u001b[31m' }]);
  const { exit, stdout, stderr } = await w.gait(`${REAL} shell.exec,echo`, ALLOWED);
  assert.equal(exit, 2);
  const [heading, ...lines] = stdout.trimEnd().split('\n');
  assert.equal(heading, 'run_1: replayed with real tools');
  assert.deepEqual(lines.slice(0, 3), [
    '  executed     i1  shell.exec  error: exit code 3',
    '  stubbed      i2  db.query    by a stub for db',
    '  executed     i3  Echo        ok',
  ]);
  assert.match(lines[3] ?? '', /^ {2}worked in {2}\/.*\/gait-out\/replays\/run_1-[0-9a-f]{12}\/work$/);
  assert.match(
    lines[4] ?? '',
    /^ {2}record {5}gait-out\/replays\/replay_run_1_real\.json, sha256 [0-9a-f]{64}$/,
  );
  assert.match(
    stderr,
    /^warning: allow_tools=echo,shell\.exec\nerror: the replay failed at i1 {2}\[replay_failed, exit 2\]\n/,
  );
  const stub = await w.gait('run replay run.zip');
  assert.match(
    stub.stdout,
    /^run_1: replayed from the record\n {2}missing +i1 +shell\.exec +missing_result\n/,
  );
  assert.match(
    stub.stderr,
    /^error: the run has no result of i1, i3, and no stub stands in for it {2}\[replay_incomplete, exit 2\]\n/,
  );
});
