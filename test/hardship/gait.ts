import { AssertionError } from 'node:assert';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { BINARY, EXIT_OF } from '../support/cli.ts';
import { childEnv } from '../support/shell.ts';
import { PATIENCE_MS, until as patiently } from '../support/until.ts';

export const GAIT: readonly string[] = [process.execPath, BINARY];

/** What `--json` prints, as far as the lane looks at it. */
export interface Said {
  readonly ok: boolean;
  readonly error?: string;
  readonly error_code?: string;
  readonly error_category?: string;
  readonly exit_code?: number;
  readonly token?: number;
  readonly job?: { readonly status: string; readonly stop_reason: string };
}

export interface Answer {
  /** Undefined if a signal ended it. */
  readonly exit: number | undefined;
  readonly stuck: boolean;
  readonly out: string;
  readonly err: string;
  /** Undefined if what it printed is not one line of JSON. */
  readonly said: Said | undefined;
}

export interface How {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
  /** A program that starts it, with its own words. */
  readonly through?: readonly string[];
}

export interface Started {
  readonly child: ChildProcess;
  readonly done: Promise<Answer>;
  /** All that it has printed so far. */
  heard(): string;
}

/** Starts the real binary. */
export function start(words: readonly string[], how: How): Started {
  const [command = '', ...rest] = [...(how.through ?? []), ...GAIT, ...words];
  const child = spawn(command, rest, {
    cwd: how.cwd,
    env: childEnv(how.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(how.uid === undefined ? {} : { uid: how.uid, gid: how.gid ?? how.uid }),
  });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text));
  let stuck = false;
  const timer = setTimeout(() => {
    stuck = true;
    child.kill('SIGKILL');
  }, PATIENCE_MS);
  const done = new Promise<Answer>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      const texts = { out: out.join(''), err: err.join('') };
      resolve({ exit: code ?? undefined, stuck, ...texts, said: saidIn(texts.out) });
    });
  });
  return { child, done, heard: () => out.join('') + err.join('') };
}

/** Runs the real binary to its end, with `--json` before the words of a command that it is given to run. */
export function gait(words: readonly string[], how: How): Promise<Answer> {
  return start(withJson(words), how).done;
}

/** Runs what has to succeed, and answers what it said. */
export async function ok(words: readonly string[], how: How): Promise<Said> {
  const { exit, out, err, said } = await gait(words, how);
  if (exit !== 0 || said === undefined) throw new Error(`${words.join(' ')}: exit ${exit}: ${out}${err}`);
  return said;
}

/** What is wrong with an answer as such, whatever it says. */
export function malformed({ exit, stuck, said, out, err }: Answer): string | undefined {
  if (stuck) return 'it did not end';
  if (exit === undefined) return 'it died';
  if (said === undefined) return `exit ${exit}, and no JSON: ${(out + err).slice(0, 300)}`;
  const { ok: fine, exit_code, error_category } = said;
  if (fine) return exit === 0 ? undefined : `exit ${exit}, and ok`;
  const documented = Object.entries(EXIT_OF).find(([category]) => category === error_category)?.[1];
  if (exit !== documented || exit !== exit_code) return `exit ${exit} for ${error_category}, ${exit_code}`;
  return error_category === 'internal_failure' ? `a bug: ${said.error}` : undefined;
}

function withJson(words: readonly string[]): string[] {
  const at = words.indexOf('--');
  return at === -1 ? [...words, '--json'] : [...words.slice(0, at), '--json', ...words.slice(at)];
}

function saidIn(text: string): Said | undefined {
  try {
    return JSON.parse(text) as Said;
  } catch {
    return undefined;
  }
}

/** Waits for a condition; false if it never came. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  try {
    await patiently('it holds', holds);
    return true;
  } catch (error) {
    if (error instanceof AssertionError) return false;
    throw error;
  }
}

/** True if there is such a program here, and it ends with 0. */
export function has(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { env: childEnv(), stdio: 'ignore' }).status === 0;
}
