import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { invalidInput } from '../../core/errors.ts';
import { actorOf } from '../../host/workspace/actor.ts';
import { checkTtl, checkWorker } from '../../job/checks.ts';
import { type Observe, observer } from '../../job/environment.ts';
import type { Budget, JobTask } from '../../job/events.ts';
import { GRACE_MS } from '../../job/work/held_lease.ts';
import type { RunOptions, RunResult } from '../../job/work/run_ports.ts';
import type { OptionalText, RequiredText } from '../command.ts';
import { milliseconds } from '../duration.ts';
import type { Io } from '../io.ts';

const KILL_AFTER_MS = 5000;
const POLL_MS = 250;

export const workerFlags: {
  readonly worker: OptionalText;
  readonly ttl: OptionalText & { default: string };
} = {
  worker: {
    type: 'string',
    value: 'NAME',
    env: 'GAIT_WORKER',
    summary: 'Name of the worker. By default this machine and process.',
  },
  ttl: {
    type: 'string',
    value: 'TIME',
    default: '30s',
    summary: 'Time to live of the lease without renewal: 1s to 1d. It is renewed after a third of it.',
  },
};

/** Flags of every command that works on a job, or lets it run again. */
export const environmentFlag: OptionalText = {
  type: 'string',
  value: 'TEXT',
  env: 'GAIT_ENV_FINGERPRINT',
  summary: 'Current fingerprint, for a job that was submitted with one of its own.',
};

/** The environment that a job is held against, here: the flag, else GAIT_ENV_FINGERPRINT, else what its rules name. */
export function observerOf(flag: string | undefined, env: Io['env']): Observe {
  const own = flag ?? env['GAIT_ENV_FINGERPRINT'];
  return observer(env, own === '' ? undefined : own);
}

/** The worker of a command that is given by hand or by a script: the flag, else GAIT_WORKER, else who gives it. */
export function namedWorker(flag: string | undefined, env: Io['env']): string {
  const named = flag ?? env['GAIT_WORKER'];
  return named === undefined || named === '' ? actorOf(undefined, env) : named;
}

export const namedWorkerFlag: OptionalText = {
  type: 'string',
  value: 'NAME',
  env: 'GAIT_WORKER',
  summary: 'Name of the worker that the token was given to. By default the actor.',
};

export const tokenFlag: RequiredText = {
  type: 'string',
  value: 'TOKEN',
  required: true,
  summary: 'Token of the lease, as `gait job claim` printed it.',
};

export const optionalTokenFlag: OptionalText = {
  type: 'string',
  value: 'TOKEN',
  env: 'GAIT_LEASE_TOKEN',
  summary: 'Token of the lease that the writer holds. Required while the job is leased.',
};

export const budgetFlags: {
  readonly 'max-wall': OptionalText;
  readonly 'max-steps': CountFlag;
  readonly 'max-attempts': CountFlag;
  readonly 'no-rerun': { readonly type: 'boolean'; readonly summary: string };
} = {
  'max-wall': {
    type: 'string',
    value: 'TIME',
    summary: 'Block the job this long after it was first claimed, or last resumed.',
  },
  'max-steps': {
    type: 'count',
    value: 'N',
    summary: 'Block the job when it would record more than N progress checkpoints.',
  },
  'max-attempts': {
    type: 'count',
    value: 'N',
    summary: 'Block the job when it would be claimed more than N times.',
  },
  'no-rerun': {
    type: 'boolean',
    summary: 'Never rerun the command automatically: a person decides. The same as --max-attempts 1.',
  },
};

interface CountFlag {
  readonly type: 'count';
  readonly value: string;
  readonly summary: string;
}

/** The worker of a process that works: the flag, else GAIT_WORKER, else this machine and process. */
export function workerOf(flag: string | undefined, env: Io['env']): string {
  const named = flag ?? env['GAIT_WORKER'];
  return named === undefined || named === '' ? `${hostname()}:${process.pid}` : named;
}

/** The token of a flag, or of the variable that the runner gives to its commands, if it is for this job. */
export function tokenOf(flag: string | undefined, jobId: string, env: Io['env']): number | undefined {
  const own = env['GAIT_JOB_ID'] === jobId ? env['GAIT_LEASE_TOKEN'] : undefined;
  const text = flag ?? (own === '' ? undefined : own);
  if (text === undefined) return undefined;
  if (/^[1-9][0-9]{0,14}$/.test(text)) return Number(text);
  throw invalidInput('flag_value_invalid', `not a token: ${JSON.stringify(text.slice(0, 40))}`);
}

export interface BudgetValues {
  readonly 'max-wall': string | undefined;
  readonly 'max-steps': number | undefined;
  readonly 'max-attempts': number | undefined;
  readonly 'no-rerun': boolean;
}

export function budgetOf(flags: BudgetValues): Budget | undefined {
  const { 'max-wall': wall, 'max-steps': steps, 'no-rerun': once } = flags;
  const attempts = once ? 1 : flags['max-attempts'];
  if (once && (flags['max-attempts'] ?? 1) !== 1)
    throw invalidInput('flags_conflict', '--no-rerun is --max-attempts 1', 'Give one of the two.');
  for (const [name, count] of Object.entries({ 'max-steps': steps, 'max-attempts': attempts })) {
    if (count === 0) throw invalidInput('flag_value_invalid', `--${name} is 0`, 'Give 1 or more.');
  }
  if (wall === undefined && steps === undefined && attempts === undefined) return undefined;
  return {
    ...(wall === undefined ? {} : { max_wall_ms: milliseconds(wall, 'max-wall') }),
    ...(steps === undefined ? {} : { max_steps: steps }),
    ...(attempts === undefined ? {} : { max_attempts: attempts }),
  };
}

/** The command behind `--`; undefined for none. */
export function taskOf(words: readonly string[], passEnv: readonly string[]): JobTask | undefined {
  if (words.length === 0) return undefined;
  const strange = passEnv.find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (strange !== undefined) {
    throw invalidInput(
      'flag_value_invalid',
      `--pass-env is no name of a variable: ${JSON.stringify(strange)}`,
    );
  }
  const cwd = resolve('.');
  if (cwd.includes('\ufffd')) {
    const hint = 'Rename it, or submit from another folder.';
    throw invalidInput('folder_not_text', `the name of the folder ${JSON.stringify(cwd)} is not UTF-8`, hint);
  }
  return { argv: [...words], cwd, pass_env: [...new Set(passEnv)].sort() };
}

/** How a worker runs the commands of jobs. */
export function runOptions(
  jobId: string,
  jobRoot: string,
  flags: { readonly worker: string | undefined; readonly ttl: string },
  io: Io,
): Omit<RunOptions, 'complete'> {
  const workerId = workerOf(flags.worker, io.env);
  const ttlMs = milliseconds(flags.ttl, 'ttl');
  const fault = checkTtl(ttlMs) ?? checkWorker(workerId);
  if (fault !== undefined) throw fault;
  return {
    jobId,
    jobRoot: resolve(jobRoot),
    workerId,
    ttlMs,
    graceMs: GRACE_MS,
    killAfterMs: KILL_AFTER_MS,
    pollMs: POLL_MS,
  };
}

/** How a run ended, for people. */
export function ending({ outcome, ended, why, waitsFor }: RunResult): string {
  const { exitCode, signal, error } = ended;
  const how = error ?? (signal === null ? `exit ${exitCode}` : signal);
  return `${waitsFor === undefined ? OUTCOME_TEXT[outcome] : 'waits'}, ${how}${why === undefined ? '' : `: ${why}`}`;
}

const OUTCOME_TEXT: Readonly<Record<RunResult['outcome'], string>> = {
  finished: 'finished',
  failed: 'failed',
  interrupted: 'interrupted',
  given_up: 'given back',
  lost: 'lost',
  unrecorded: 'ended, not recorded',
};

/** What is said while nothing can be started yet. */
export function waiting(jobId: string, ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return `${jobId}: waiting for the lease before, at most ${seconds} s: its command may still run`;
}
