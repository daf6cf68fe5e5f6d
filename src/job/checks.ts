import { type GaitError, invalidInput } from '../core/errors.ts';
import { epochMs, type Timestamp } from '../core/time.ts';
import { type Budget, CHECKPOINT_TYPES, type CheckpointType, type JobTask } from './events.ts';

/** Limits of what a caller may write into an event, in Unicode code points. */
export const MAX_SUMMARY = 512;
export const MAX_REQUIRED_ACTION = 2048;
export const MAX_REASON = 512;
export const MAX_ACTOR = 256;

/** How many decisions may wait at the same time: what keeps the state of a job bounded. */
export const MAX_OPEN_DECISIONS = 64;

/** Why a checkpoint cannot be added as it is; undefined when it can. */
export function checkCheckpoint(
  type: string,
  summary: string,
  requiredAction: string | undefined,
): GaitError | undefined {
  if (!CHECKPOINT_TYPES.includes(type as CheckpointType)) {
    const hint = `Types are ${CHECKPOINT_TYPES.join(', ')}.`;
    return invalidInput('checkpoint_type_invalid', `not a checkpoint type: ${JSON.stringify(type)}`, hint);
  }
  const fault = checkText('summary', summary.trim(), MAX_SUMMARY);
  if (fault !== undefined) return fault;
  if (type !== 'decision-needed') return undefined;
  if (requiredAction === undefined || requiredAction.trim() === '') {
    const hint = 'Describe with --required-action what a person has to decide.';
    return invalidInput(
      'required_action_missing',
      'a decision-needed checkpoint needs a required action',
      hint,
    );
  }
  return checkText('required_action', requiredAction.trim(), MAX_REQUIRED_ACTION);
}

export function checkReason(reason: string | undefined): GaitError | undefined {
  return reason === undefined ? undefined : checkText('reason', reason, MAX_REASON);
}

export function checkFingerprint(fingerprint: string): GaitError | undefined {
  return checkText('fingerprint', fingerprint, 512);
}

export function checkActor(actor: string): GaitError | undefined {
  return checkText('actor', actor, MAX_ACTOR);
}

/** Far enough before the last time that can be written: whatever ends later than now has its time. */
const LAST_MS = Date.UTC(9998, 0, 1);

/** Why no event can be written at a time; undefined when one can. */
export function checkClock(now: Timestamp): GaitError | undefined {
  if (epochMs(now) < LAST_MS) return undefined;
  const hint = 'Set the clock. What it wrote would hold the job back until then.';
  return invalidInput('clock_invalid', `it is ${now} by the clock of this machine, or of the log`, hint);
}

export const MIN_TTL_MS = 1000;
export const MAX_TTL_MS: number = 24 * 60 * 60 * 1000;

/** Why a lease cannot last so many milliseconds; undefined when it can. */
export function checkTtl(ttlMs: number): GaitError | undefined {
  if (Number.isSafeInteger(ttlMs) && ttlMs >= MIN_TTL_MS && ttlMs <= MAX_TTL_MS) return undefined;
  const message = `a lease of ${ttlMs} ms; it lasts from ${MIN_TTL_MS} ms to ${MAX_TTL_MS} ms`;
  return invalidInput('ttl_invalid', message, 'Give a time such as 30s or 5m.');
}

export function checkWorker(workerId: string): GaitError | undefined {
  return checkText('worker', workerId, MAX_ACTOR);
}

/** Why a job cannot be given this budget; undefined when it can. */
export function checkBudget(budget: Budget): GaitError | undefined {
  const limits = Object.entries(budget);
  const sound = ([name, limit]: [string, unknown]): boolean =>
    ['max_wall_ms', 'max_steps', 'max_attempts'].includes(name) &&
    Number.isSafeInteger(limit) &&
    Number(limit) > 0;
  if (limits.length > 0 && limits.every(sound)) return undefined;
  const hint =
    'It has one or more of max_wall_ms, max_steps and max_attempts, each a whole number from 1 on.';
  return invalidInput('budget_invalid', `not a budget: ${JSON.stringify(budget)}`, hint);
}

/** Why no worker could run this; undefined when one can try. */
export function checkTask({ argv, cwd, pass_env }: JobTask): GaitError | undefined {
  const fault = (message: string): GaitError => invalidInput('command_invalid', message);
  const bounds = `1 to ${MAX_WORDS} words, and passes on at most ${MAX_PASSED} variables`;
  if (argv.length < 1 || argv.length > MAX_WORDS || pass_env.length > MAX_PASSED)
    return fault(`a command has ${bounds}`);
  if (argv[0] === '') return fault('the first word of a command is what is run; it is empty');
  if (![...argv, cwd].every((text) => text.isWellFormed() && !text.includes('\0')))
    return fault('a command has no NUL and no lone surrogate in it');
  if (!cwd.startsWith('/') || [...cwd].length > 4096)
    return fault('a command runs in a folder that is named from the root on, in at most 4096 characters');
  const strange = pass_env.find((name) => !/^[A-Za-z_][A-Za-z0-9_]{0,255}$/.test(name));
  return strange === undefined ? undefined : fault(`no name of a variable: ${JSON.stringify(strange)}`);
}

const MAX_WORDS = 4096;
const MAX_PASSED = 256;

function checkText(
  name: 'summary' | 'required_action' | 'reason' | 'fingerprint' | 'actor' | 'worker',
  text: string,
  limit: number,
): GaitError | undefined {
  const length = text.trim() === '' ? 0 : [...text].length;
  if (length >= 1 && length <= limit && text.isWellFormed()) return undefined;
  const code = `${name}_invalid` as const;
  if (length === 0) return invalidInput(code, `the ${name} is empty`, `Give 1 to ${limit} characters.`);
  if (length > limit) {
    const hint = `Give at most ${limit}; keep longer text in a file and name it.`;
    return invalidInput(code, `the ${name} has ${length} characters; the limit is ${limit}`, hint, {
      length,
      limit,
    });
  }
  return invalidInput(code, `the ${name} is not well-formed Unicode (a lone surrogate)`);
}
