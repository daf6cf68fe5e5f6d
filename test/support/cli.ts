import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import type { ErrorCategory } from '../../src/core/errors.ts';
import { Jobs } from '../../src/job/jobs.ts';
import { jobModel } from '../../src/job/model.ts';
import { FileStore } from '../../src/log/stores/file_store.ts';
import { assertOutput, type Output } from '../cli/output.ts';
import { shellWords } from '../cli/shell_words.ts';
import { childEnv } from './child_env.ts';
import { isRunning, runHere } from './in_process.ts';

export const ROOT: string = process.env['GAIT_ROOT'] ?? process.cwd();
export const BINARY: string = join(ROOT, 'bundle', 'main.cjs');

/** DESIGN §7: the exit code of each category. Written out here so that the code's own table is held against it. */
export const EXIT_OF: Readonly<Record<ErrorCategory, number>> = {
  io_failure: 1,
  state_contention: 1,
  internal_failure: 1,
  verification_failed: 2,
  policy_blocked: 3,
  approval_required: 4,
  regress_failed: 5,
  invalid_input: 6,
  dependency_missing: 7,
  unsafe_operation: 8,
};

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Relative to the workspace. */
  readonly cwd?: string;
  readonly uid?: number;
  /** Run by a shell after this, such as `umask 000`. */
  readonly shell?: string;
  /** Kills the process, and does not look at what it printed. */
  readonly killAfterMs?: number;
  /** In a process of its own, though nothing else asks for one. */
  readonly real?: boolean;
}

export interface Result {
  /** 128 and more when a signal ended the process. */
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The one JSON output; checked as every JSON output is. */
  json(): Output;
}

/** A command line as a person types it behind `gait`, or as a list of words. */
export type Line = string | readonly string[];

export interface Running {
  readonly child: ChildProcess;
  readonly done: Promise<Result>;
  /** Resolves once the standard output holds `text`. */
  printed(text: string): Promise<void>;
}

/** A temporary directory in which commands run, with nothing of the caller's settings. */
export class Workspace {
  readonly dir: string;
  readonly #store: FileStore;
  /** The library on the jobs of the directory, to make states faster than by the binary. */
  readonly jobs: Jobs;

  constructor(dir: string) {
    this.dir = dir;
    this.#store = new FileStore({ root: this.path('gait-out/jobs'), idField: jobModel.idField });
    this.jobs = new Jobs(this.#store, systemClock);
  }

  path(...names: string[]): string {
    return join(this.dir, ...names);
  }

  folder(id: string, ...names: string[]): string {
    return this.path('gait-out', 'jobs', id, ...names);
  }

  logOf(id: string): Promise<Buffer> {
    return readFile(this.folder(id, 'log.ndjson'));
  }

  writeLog(id: string, bytes: Buffer): Promise<void> {
    return writeFile(this.folder(id, 'log.ndjson'), bytes);
  }

  /** Starts the binary and leaves it running. */
  start(line: Line, options: RunOptions = {}): Running {
    return start(this.dir, typeof line === 'string' ? shellWords(line) : line, options);
  }

  /**
   * Runs a command to its end: in this process, or by the binary if it takes a process to do so. A JSON output is
   * checked whatever the test looks at.
   */
  async gait(line: Line, options: RunOptions = {}): Promise<Result> {
    const args = typeof line === 'string' ? shellWords(line) : line;
    if (needsProcess(args, options)) return this.start(args, options).done;
    const { env = {}, cwd = '' } = options;
    return checked(args, await runHere(this.path(cwd), args, { ...cleanEnv(), ...env }));
  }

  /** Runs a command with `--json` that has to succeed. */
  async ok(line: Line, options: RunOptions = {}): Promise<Output> {
    const result = await this.gait(withJson(line), options);
    assert.equal(result.exit, 0, `${String(line)}: ${result.stdout}${result.stderr}`);
    return result.json();
  }

  /** Runs a command with `--json` that has to be refused with this code and category. */
  async refused(
    line: Line,
    code: string,
    category: ErrorCategory,
    options: RunOptions = {},
  ): Promise<Output> {
    const output = (await this.gait(withJson(line), options)).json();
    const { error_code, error_category } = output;
    assert.deepEqual(
      { error_code, error_category },
      { error_code: code, error_category: category },
      String(line),
    );
    return output;
  }

  /** Text output of a command that has to succeed. */
  async text(line: Line, options: RunOptions = {}): Promise<string> {
    const { exit, stdout, stderr } = await this.gait(line, options);
    assert.deepEqual({ exit, stderr }, { exit: 0, stderr: '' }, String(line));
    return stdout;
  }

  /** Every regular file below the directory with its bytes, so that a test can say that nothing changed. */
  async everything(below = ''): Promise<Record<string, string>> {
    const entries = await readdir(this.path(below), { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const contents = files.sort().map(async (file) => [file, await readFile(file, 'latin1')] as const);
    return Object.fromEntries(await Promise.all(contents));
  }

  /** Asserts that the files below the directory are the ones that {@link everything} gave, byte for byte. */
  async unchanged(before: Readonly<Record<string, string>>, below = ''): Promise<void> {
    const now = await this.everything(below);
    assert.deepEqual(Object.keys(now), Object.keys(before));
    for (const [file, bytes] of Object.entries(now)) assert.ok(bytes === before[file], `${file} changed`);
  }

  async remove(): Promise<void> {
    await this.#store.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** A workspace that is removed when the test is over. */
export async function workspace(t: Pick<TestContext, 'after'>): Promise<Workspace> {
  const made = await makeWorkspace();
  t.after(() => made.remove());
  return made;
}

/** A workspace for all tests of a suite, to be called in its body; `prepare` makes what they start from. */
export function sharedWorkspace(prepare: (made: Workspace) => Promise<void>): () => Workspace {
  let made: Workspace | undefined;
  before(async () => {
    made = await makeWorkspace();
    await prepare(made);
  });
  after(() => made?.remove());
  return () => {
    assert.ok(made !== undefined);
    return made;
  };
}

async function makeWorkspace(): Promise<Workspace> {
  return new Workspace(await mkdtemp(join(tmpdir(), 'gait-cli-')));
}

/** The whole lines of a log, each with its newline. */
export function linesOf(bytes: Buffer): Buffer[] {
  return bytes
    .toString('latin1')
    .split(/(?<=\n)/)
    .map((line) => Buffer.from(line, 'latin1'));
}

function withJson(line: Line): Line {
  return typeof line === 'string' ? `${line} --json` : [...line, '--json'];
}

function cleanEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(childEnv()).filter(
    ([name]) => !name.startsWith('GAIT_') && !['FORCE_COLOR', 'NO_COLOR', 'NODE_TEST_CONTEXT'].includes(name),
  );
  return Object.fromEntries(kept);
}

/**
 * True for what a command cannot have in the process of a test: another user, limits, variables that Node itself reads,
 * standard streams that go on to the commands of jobs, an end that others set, company.
 */
function needsProcess(
  [family, name = '']: readonly string[],
  { env = {}, uid, shell, killAfterMs, real = false }: RunOptions,
): boolean {
  if (real || uid !== undefined || shell !== undefined || killAfterMs !== undefined) return true;
  if (Object.keys(env).some((variable) => /^(TZ|LANG|LC_.*|NODE_.*|UV_.*)$/.test(variable))) return true;
  return (family === 'job' && ['run', 'work'].includes(name)) || isRunning();
}

function start(dir: string, args: readonly string[], options: RunOptions): Running {
  const { env = {}, cwd = '', uid, shell, killAfterMs } = options;
  const own = [process.execPath, BINARY, ...args];
  const [command = '', ...rest] =
    shell === undefined ? own : ['sh', '-c', `${shell}; exec "$@"`, 'sh', ...own];
  const child = spawn(command, rest, {
    cwd: join(dir, cwd),
    env: { ...cleanEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const out = gathered(child.stdout);
  const err = gathered(child.stderr);
  const done = new Promise<Result>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const exit = signal === null ? (code ?? 0) : 128;
      const result = { exit, stdout: out.text(), stderr: err.text() };
      try {
        resolve(checked(args, result));
      } catch (error) {
        reject(error);
      }
    });
  });
  return { child, done, printed: (text) => out.holds(text) };
}

function checked(args: readonly string[], result: Omit<Result, 'json'>): Result {
  const json = (): Output => assertOutput(result, EXIT_OF);
  const streams = args.includes('--follow') && result.exit === 0;
  if (args.includes('--json') && !args.includes('--help') && result.exit < 128 && !streams) json();
  return { ...result, json };
}

function gathered(stream: NodeJS.ReadableStream): { text(): string; holds(text: string): Promise<void> } {
  let all = '';
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    all = Buffer.concat(chunks).toString();
  });
  const holds = async (text: string): Promise<void> => {
    const ended = new Promise<never>((_, reject) =>
      stream.once('end', () => reject(new Error(`ended without ${text}: ${all}`))),
    );
    ended.catch(() => {});
    while (!all.includes(text)) {
      await Promise.race([new Promise((resolve) => stream.once('data', resolve)), ended]);
    }
  };
  return { text: () => all, holds };
}
