import { type GaitError, invalidInput } from '../core/errors.ts';
import type { JobCommand } from './command.ts';
import type { CommandContext } from './decision.ts';

type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}

const isText: Check = (value) => typeof value === 'string';
/** Which numbers are fit, each rule says itself. */
const isNumber: Check = (value) => typeof value === 'number';
const isTrue: Check = (value) => value === true;
const anything: Check = () => true;
const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

const isClaim: Check = (value) =>
  isPlain(value) &&
  isText(value['fingerprint']) &&
  maybe(
    (environment) =>
      isPlain(environment) &&
      isTexts(environment['rules']) &&
      isPlain(environment['values']) &&
      Object.values(environment['values']).every(isText),
  )(value['environment']);

const isTask: Check = (value) =>
  isPlain(value) && isTexts(value['argv']) && isText(value['cwd']) && isTexts(value['pass_env']);

const isApprovers: Check = (value) =>
  isPlain(value) && Array.isArray(value['keys']) && maybe(isNumber)(value['required']);

const isSigning: Check = (value) =>
  isPlain(value) && isPlain(value['key']) && isNumber(value['expiresMs']) && isPlain(value['head']);

/** What each command is made of; what is named nowhere here is not looked at. */
const SHAPES: Readonly<Record<JobCommand['kind'], Shape>> = {
  submit: {
    ...{ claim: isClaim, producerVersion: isText, task: maybe(isTask) },
    ...{ budget: maybe(isPlain), approvers: maybe(isApprovers) },
  },
  claim: {
    ...{ workerId: isText, ttlMs: isNumber, graceMs: isNumber, claim: isClaim },
    watched: maybe((value) => isPlain(value) && isNumber(value['ms'])),
    onlyWatched: maybe(isTrue),
  },
  renew: { token: isNumber, ttlMs: isNumber },
  release: { token: isNumber, outcome: isText, exitCode: maybe(isNumber), signal: maybe(isText) },
  checkpoint: {
    ...{
      type: isText,
      summary: isText,
      requiredAction: maybe(isText),
      token: maybe(isNumber),
      worker: maybe(isText),
    },
  },
  pause: {},
  cancel: {},
  stop: {},
  approve: { checkpointId: maybe(isText), signing: maybe(isSigning) },
  resume: {
    claim: isClaim,
    allowEnvMismatch: (value) => typeof value === 'boolean',
    automatic: maybe(isTrue),
  },
  repair: { cutBytes: isNumber, cutSha256: isText, keptAs: isText, after: anything },
};

/** What is wrong with the form of a command, of callers without types; undefined for nothing. */
export function shapeFault(command: unknown, context: CommandContext): GaitError | undefined {
  if (!isPlain(command) || !isKind(command['kind'])) return fault('a command', 'kind');
  const { kind } = command;
  for (const [name, check] of Object.entries(SHAPES[kind])) {
    if (!check(command[name])) return fault(kind, name);
  }
  const { reason, ifRevision } = context;
  if (!maybe(isText)(reason)) return fault(kind, 'reason');
  if (!maybe(isNumber)(ifRevision)) return fault(kind, 'ifRevision');
  return isText(context.actor) ? undefined : fault(kind, 'actor');
}

function isKind(value: unknown): value is JobCommand['kind'] {
  return typeof value === 'string' && Object.hasOwn(SHAPES, value);
}

function fault(what: string, name: string): GaitError {
  const message = `${what}: ${name} is not of its type`;
  return invalidInput('arguments_invalid', message, 'The types of the library say what each call takes.');
}
