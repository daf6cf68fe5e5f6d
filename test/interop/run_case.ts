import { spawn } from 'node:child_process';
import { chmod, cp, mkdtemp, readFile, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { BINARY } from '../support/cli.ts';
import { PATIENCE_MS } from '../support/until.ts';
import { type Case, corpusPath, stepsOf } from './corpus.ts';

/** What the answers were recorded with: nothing of the caller's, so no settings and no extra certificates either. */
const RECORDED_ENV = {
  PATH: '/usr/bin:/bin',
  HOME: '/nonexistent',
  SHELL: '/bin/sh',
  TZ: 'UTC',
  LC_ALL: 'C',
};

export interface Printed {
  /** 128 when a signal ended the process. */
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CaseRun {
  /** The copy of the case's directory, as the last command left it. */
  readonly dir: string;
  /** One for each step. */
  readonly printed: readonly Printed[];
}

/** Runs the commands of a case in a fresh directory below `scratch`, which is left there. */
export async function runCase(one: Case, scratch: string): Promise<CaseRun> {
  const dir = await mkdtemp(join(scratch, `${one.id}-`));
  await cp(corpusPath(one.dir), dir, { recursive: true });
  if (one.inputs.length === 0) await rm(join(dir, '.keep'), { force: true });
  // Both versions make them so; how they lie in the corpus is nobody's choice.
  for (const path of one.inputs.filter((name) => name.endsWith('_private.key')))
    await chmod(join(dir, path), 0o600);
  for (const [path, age] of Object.entries(one.mtime_age_seconds ?? {})) {
    const time = Date.now() / 1000 - age;
    await utimes(join(dir, path), time, time);
  }
  const printed: Printed[] = [];
  for (const { command } of stepsOf(one)) printed.push(await gait(one, command, dir));
  return { dir, printed };
}

async function gait({ env, stdin }: Case, command: readonly string[], cwd: string): Promise<Printed> {
  const child = spawn(process.execPath, [BINARY, ...command], {
    cwd,
    env: { ...RECORDED_ENV, ...env },
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  child.stdin.on('error', () => {}); // it may end without reading
  child.stdin.end(stdin === undefined ? '' : await readFile(join(cwd, stdin)));
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 128));
  });
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { exit, stdout, stderr };
}

/** Does `work` on every item, `width` of them at a time. */
export async function eachOf<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const lane = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
