import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { sha256Hex } from '../core/digest.ts';
import { errnoOf, GaitError, invalidInput, ioFailure } from '../core/errors.ts';
import { notExecuted, type ToolAnswer, type ToolCall } from '../run/replay.ts';

/** The environment variable without which nothing is executed, whatever the flags. */
export const REAL_REPLAY_VARIABLE = 'GAIT_ALLOW_REAL_REPLAY';

/** Throws `real_replay_refused` (unsafe_operation) unless every interlock of real execution is released. */
export function checkInterlocks(given: {
  readonly unsafeFlag: boolean;
  readonly allow: readonly string[];
  /** Variables that have to be `1`, with their values. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}): void {
  const variables = Object.entries(given.variables).filter(([, value]) => value !== '1');
  const missing = [
    ...(given.unsafeFlag ? [] : ['--unsafe-real-tools']),
    ...(given.allow.length > 0 ? [] : ['--allow-tools LIST']),
    ...variables.map(([name]) => `${name}=1`),
  ];
  if (missing.length === 0) return;
  throw new GaitError({
    code: 'real_replay_refused',
    category: 'unsafe_operation',
    message: `nothing was run: real tools also need ${missing.join(', ')}`,
    hint: `Leave --real-tools out to replay from the record. Real tools change files and start programs.`,
    details: { missing },
  });
}

/** The tools of an allow-list: names apart by commas, case ignored, sorted. */
export function allowListOf(texts: readonly string[]): string[] {
  const names = texts.flatMap((text) => text.split(',')).map((name) => name.trim().toLowerCase());
  return [...new Set(names)].filter((name) => name !== '').sort();
}

/** Where and within which limits tools are executed. */
export interface Workplace {
  /** The working directory: a real path. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Bytes of output that are digested; the rest is read and dropped. */
  readonly maxOutput: number;
  /** Throws for a path at which no tool of gait may write. */
  readonly protect: (path: string) => void;
  /** Aborted when gait is told to end, the name of the signal being the reason. */
  readonly interrupted: AbortSignal;
}

/** Executes a call. Never throws: what goes wrong is an answer too, since earlier calls have had their effects. */
export async function execute(call: ToolCall, place: Workplace): Promise<ToolAnswer> {
  if (place.interrupted.aborted) return notExecuted(`interrupted by ${place.interrupted.reason} before it`);
  const started = performance.now();
  const answer = await answerOf(call, place).catch((error: unknown): ToolAnswer => {
    if (error instanceof GaitError) return notExecuted(error.message);
    const reason = error instanceof Error ? error.message : String(error);
    return { execution: 'executed', status: 'error', error: reason };
  });
  if (answer.execution !== 'executed') return answer;
  return { ...answer, duration_ms: Math.round(performance.now() - started) };
}

async function answerOf(call: ToolCall, place: Workplace): Promise<ToolAnswer> {
  switch (call.tool) {
    case 'echo': {
      const output = new Output(place.maxOutput);
      output.add(Buffer.from(call.message));
      return { execution: 'executed', status: 'ok', ...output.facts() };
    }
    case 'write':
      return write(call.path, Buffer.from(call.content), place);
    case 'run':
      return run(call.argv, place);
  }
}

/** The digest of an output, up to a limit. */
class Output {
  readonly #hash = createHash('sha256');
  readonly #limit: number;
  #bytes = 0;
  #truncated = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Buffer): void {
    const kept = chunk.subarray(0, this.#limit - this.#bytes);
    this.#hash.update(kept);
    this.#bytes += kept.length;
    this.#truncated ||= kept.length < chunk.length;
  }

  facts(): Pick<ToolAnswer, 'result_digest' | 'output_sha256' | 'output_bytes' | 'output_truncated'> {
    const digest = this.#hash.digest('hex');
    const facts = { output_bytes: this.#bytes, output_truncated: this.#truncated };
    return { result_digest: digest, output_sha256: digest, ...facts };
  }
}

/** Writes a file below `dir`, following no link out of it. Folders on the way are made. */
function write(path: string, content: Buffer, { dir, protect }: Workplace): ToolAnswer {
  protect(join(dir, path));
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const name = parts.pop() ?? '';
  let folder = dir;
  for (const part of parts) {
    const next = realFolder(join(folder, part));
    if (next === undefined || !`${next}${sep}`.startsWith(`${dir}${sep}`)) {
      return notExecuted(`args.path leads out of the working directory at ${part}`);
    }
    folder = next;
  }
  const file = join(folder, name);
  const found = fs.lstatSync(file, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile())
    return notExecuted('args.path leads to what is no regular file');
  // The same file may stand outside under its other name.
  if (found !== undefined && found.nlink > 1)
    return notExecuted('args.path leads to a file with several names');
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = fs.constants;
  const fd = fs.openSync(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o666);
  try {
    fs.writeFileSync(fd, content);
  } finally {
    fs.closeSync(fd);
  }
  return { execution: 'executed', status: 'ok', result_digest: sha256Hex(content) };
}

/** Where a folder really is, made if there is nothing; undefined for a link that leads nowhere. */
function realFolder(path: string): string | undefined {
  try {
    fs.mkdirSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  return fs.existsSync(path) ? fs.realpathSync(path) : undefined;
}

/** From being asked to end to being killed. */
const GRACE_MS = 1000;
/** How long the output of those is waited for that have left the process group and live on. */
const DRAIN_MS = 250;

/**
 * Runs a program with no input, as the leader of a process group of its own. Nothing of the group outlives the step:
 * what is still there when the leader is done is killed.
 */
async function run(argv: readonly string[], place: Workplace): Promise<ToolAnswer> {
  const output = new Output(place.maxOutput);
  // The shell makes one stream of both outputs, in the order in which they are written, and becomes the program.
  const child = spawn('sh', ['-c', 'exec "$@" 2>&1', 'sh', ...argv], {
    cwd: place.dir,
    env: place.env,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const timers: NodeJS.Timeout[] = [];
  let ended: string | undefined;
  const kill = (): void => {
    signalGroup(child.pid, 'SIGKILL');
    timers.push(setTimeout(() => child.stdout.destroy(), DRAIN_MS));
  };
  const end = (why: string): void => {
    if (ended !== undefined) return;
    ended = why;
    signalGroup(child.pid, 'SIGTERM');
    timers.push(setTimeout(kill, GRACE_MS));
  };
  const interrupt = (): void => end(`interrupted by ${place.interrupted.reason}`);
  timers.push(setTimeout(() => end(`timed out after ${place.timeoutMs / 1000} s`), place.timeoutMs));
  place.interrupted.addEventListener('abort', interrupt);
  child.stdout.on('data', (chunk: Buffer) => output.add(chunk));
  child.once('exit', () => {
    if (ended === undefined) kill(); // a group that was asked to end has its grace
  });
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    if (ended !== undefined) signalGroup(child.pid, 'SIGKILL'); // who has closed its output may still be there
    const error = ended ?? (signal !== null ? `ended by ${signal}` : code !== 0 ? `exit code ${code}` : '');
    const verdict = error === '' ? { status: 'ok' } : { status: 'error', error };
    return { execution: 'executed', ...verdict, exit_code: code, ...output.facts() };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    place.interrupted.removeEventListener('abort', interrupt);
  }
}

/** Signals every process of a group, if there is any left. */
function signalGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (leader !== undefined) process.kill(-leader, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH' && errnoOf(error) !== 'EPERM') throw error;
  }
}

/** What a tool sees of the environment, unless more is asked for: no settings of gait, no secrets. */
const KEPT_VARIABLES: readonly string[] = ['PATH', 'HOME', 'LANG', 'TZ'];

/** The environment of tools. Throws `flag_value_invalid` for what is no name of a variable. */
export function toolEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  passed: readonly string[],
): Record<string, string> {
  const odd = passed.find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (odd !== undefined) {
    const hint = 'Give the name alone; its value is taken from the environment of gait.';
    throw invalidInput(
      'flag_value_invalid',
      `--pass-env takes the name of a variable, not ${JSON.stringify(odd)}`,
      hint,
    );
  }
  const found = [...KEPT_VARIABLES, ...passed].flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}

/** The real path of the directory that was asked for, made if need be; else of a fresh one: `fresh`, `fresh-2` … */
export function workingDirectory(asked: string | undefined, fresh: string): string {
  try {
    if (asked !== undefined) {
      if (fs.statSync(asked, { throwIfNoEntry: false })?.isDirectory() === false) {
        throw invalidInput('path_unusable', `${asked} is no directory`, 'Name another one to work in.');
      }
      fs.mkdirSync(asked, { recursive: true, mode: 0o700 });
      return fs.realpathSync(asked);
    }
    fs.mkdirSync(dirname(fresh), { recursive: true, mode: 0o700 });
    for (let n = 1; ; n += 1) {
      const dir = n === 1 ? fresh : `${fresh}-${n}`;
      if (made(dir)) return fs.realpathSync(dir);
    }
  } catch (error) {
    throw ioFailure(error, `making the working directory ${asked ?? fresh}`);
  }
}

function made(dir: string): boolean {
  try {
    fs.mkdirSync(dir, { mode: 0o700 });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}
