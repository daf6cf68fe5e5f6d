import { canonicalDigest, sha256Hex } from '../core/digest.ts';
import { GaitError, invalidInput } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Timestamp } from '../core/time.ts';
import type { CapturedRun, CaptureMode, Result, RunIntent, RunManifest } from './documents.ts';

/** Where the answer of a step comes from. `executed` is only what really ran; `unsupported` was allowed and did not. */
export type Execution = 'executed' | 'recorded' | 'stubbed' | 'missing' | 'unsupported';

export type StubType = 'http' | 'file' | 'db' | 'queue';

/** What one intent came to. schemas/v1/run/replay.schema.json */
export interface ReplayStep {
  readonly intent_id: string;
  readonly tool_name: string;
  readonly execution: Execution;
  readonly status: string;
  readonly stub_type?: StubType;
  readonly result_digest?: string;
  /** Of the output up to its limit. */
  readonly output_sha256?: string;
  readonly output_bytes?: number;
  readonly output_truncated?: boolean;
  /** Null when a signal ended the process. */
  readonly exit_code?: number | null;
  readonly duration_ms?: number;
  readonly error?: string;
}

/** What a tool has to do, its arguments checked. */
export type ToolCall =
  | { readonly tool: 'echo'; readonly message: string }
  /** The path is relative, with `/`, and has no part `..`. */
  | { readonly tool: 'write'; readonly path: string; readonly content: string }
  | { readonly tool: 'run'; readonly argv: readonly string[] };

/** What came of a call. */
export type ToolAnswer = Omit<ReplayStep, 'intent_id' | 'tool_name' | 'stub_type' | 'execution'> & {
  readonly execution: 'executed' | 'unsupported';
};

/** A step whose answer is known, or a call that has to be made for it. */
export type PlannedStep =
  | { readonly step: ReplayStep }
  | { readonly intent: RunIntent; readonly call: ToolCall };

/**
 * What each intent of a run is answered with, in order: the allowed tools are to be called, all others are answered
 * from the record, by a stub, or not at all. Pure. Throws `run_ambiguous` and `replay_without_arguments`, both
 * invalid_input.
 */
export function planReplay(
  { captureMode, intents, results }: Pick<CapturedRun, 'captureMode' | 'intents' | 'results'>,
  allow: readonly string[] = [],
): PlannedStep[] {
  onePerIntent('intent', intents);
  const recorded = onePerIntent('result', results);
  const isAllowed = ({ tool_name }: RunIntent): boolean => allow.includes(tool_name.toLowerCase());
  assertArguments(captureMode, intents.filter(isAllowed));
  return intents.map((intent) =>
    isAllowed(intent)
      ? plannedCall(intent)
      : { step: { ...named(intent), ...fromRecord(intent, recorded.get(intent.intent_id)) } },
  );
}

/** The step of a call that was answered. */
export function answered({ intent }: { readonly intent: RunIntent }, answer: ToolAnswer): ReplayStep {
  return { ...named(intent), ...answer };
}

function named({ intent_id, tool_name }: RunIntent): Pick<ReplayStep, 'intent_id' | 'tool_name'> {
  return { intent_id, tool_name };
}

function onePerIntent<R extends RunIntent | Result>(what: string, records: readonly R[]): Map<string, R> {
  const found = new Map<string, R>();
  for (const record of records) {
    const { intent_id } = record;
    if (found.has(intent_id)) {
      const message = `the run has more than one ${what} ${intent_id}`;
      throw invalidInput('run_ambiguous', message, 'Record it again, each intent once.', { intent_id });
    }
    found.set(intent_id, record);
  }
  return found;
}

type Unnamed = Omit<ReplayStep, 'intent_id' | 'tool_name'>;

function fromRecord(intent: RunIntent, result: Result | undefined): Unnamed {
  if (result !== undefined) {
    const { status, result_digest } = result;
    // Older programs left the digest empty where they did not know it.
    return { execution: 'recorded', status, ...(result_digest === '' ? {} : { result_digest }) };
  }
  const stub_type = stubTypeOf(intent.tool_name);
  if (stub_type === undefined) return { execution: 'missing', status: 'missing_result' };
  const result_digest = stubDigest(intent, stub_type);
  return { execution: 'stubbed', status: 'stubbed', stub_type, result_digest };
}

/** In the order in which they are tried: what the name of a tool holds makes the type of its stub. */
const STUBS: readonly (readonly [StubType, RegExp])[] = [
  ['http', /http|fetch|url/],
  ['file', /file|path|fs|write/],
  ['db', /db|sql|query|table/],
  ['queue', /queue|topic|publish|kafka/],
];

/** How a tool without a recorded result is stood in for; undefined when its name says nothing. */
export function stubTypeOf(toolName: string): StubType | undefined {
  const name = toolName.toLowerCase();
  return STUBS.find(([, pattern]) => pattern.test(name))?.[0];
}

function stubDigest({ run_id, intent_id, tool_name, args_digest }: RunIntent, type: StubType): string {
  return sha256Hex([run_id, intent_id, tool_name.toLowerCase(), args_digest.toLowerCase(), type].join(':'));
}

type Refusal = { readonly refused: string };

/** The tools that gait can execute. */
const TOOLS: ReadonlyMap<string, (args: JsonObject) => ToolCall | Refusal> = new Map([
  ...['echo', 'tool.echo'].map((name) => [name, echoCall] as const),
  ...['file.write', 'fs.write', 'write_file'].map((name) => [name, writeCall] as const),
  ...['shell.exec', 'exec', 'command.run'].map((name) => [name, runCall] as const),
]);

function plannedCall(intent: RunIntent): PlannedStep {
  const toCall = TOOLS.get(intent.tool_name.toLowerCase());
  const call =
    toCall === undefined
      ? { refused: `gait executes only ${[...TOOLS.keys()].join(', ')}` }
      : toCall(argsOf(intent) ?? {});
  return 'refused' in call ? { step: answered({ intent }, notExecuted(call.refused)) } : { intent, call };
}

/** The answer for a call that was allowed and not made. */
export function notExecuted(error: string): ToolAnswer {
  return { execution: 'unsupported', status: 'error', error };
}

const NO_ARGUMENTS = canonicalDigest({});

/** A capture leaves out arguments that are empty; their digest still says so. */
function argsOf({ args, args_digest }: RunIntent): JsonObject | undefined {
  return args ?? (args_digest.toLowerCase() === NO_ARGUMENTS ? {} : undefined);
}

/** What a reference capture holds was never meant to be kept, even where an earlier program kept it. */
function assertArguments(captureMode: CaptureMode, allowed: readonly RunIntent[]): void {
  const isLacking = (intent: RunIntent): boolean =>
    captureMode === 'reference' || argsOf(intent) === undefined;
  const without = allowed
    .filter((intent) => TOOLS.has(intent.tool_name.toLowerCase()) && isLacking(intent))
    .map(({ intent_id }) => intent_id);
  if (without.length === 0) return;
  const message = `nothing was run: the run does not hold the arguments of ${listed(without)}`;
  const hint = 'Record the run with --capture-mode raw, or leave these tools out of --allow-tools.';
  throw invalidInput('replay_without_arguments', message, hint, { intents: without });
}

/** The programs before this one cut white space around the message; the digest of a replay is that of theirs. */
function echoCall({ message = '' }: JsonObject): ToolCall | Refusal {
  if (typeof message !== 'string') return { refused: 'args.message is not text' };
  return { tool: 'echo', message: message.trim() || 'echo' };
}

function writeCall({ path, content }: JsonObject): ToolCall | Refusal {
  if (typeof path !== 'string') return { refused: 'args.path is not text' };
  if (typeof content !== 'string') return { refused: 'args.content is not text' };
  const refused = pathFault(path);
  return refused === undefined ? { tool: 'write', path, content } : { refused: `args.path ${refused}` };
}

/** A command is for a shell that is no login shell; words are for the program that is the first of them. */
function runCall({ command, argv }: JsonObject): ToolCall | Refusal {
  if (argv !== undefined && command !== undefined)
    return { refused: 'args.command and args.argv exclude each other' };
  const words = argv === undefined ? ['sh', '-c', '--', command] : argv;
  if (!isWords(words)) {
    const what = argv === undefined ? 'args.command is not text' : 'args.argv is not a list of words';
    return { refused: `${what} that can be run` };
  }
  return { tool: 'run', argv: words };
}

/** No word can hold a NUL: the operating system would take it for the end. */
function isWords(value: readonly (Json | undefined)[] | Json): value is readonly string[] {
  if (!Array.isArray(value) || value[0] === '' || value.length === 0) return false;
  return value.every((word) => typeof word === 'string' && !word.includes('\0'));
}

function pathFault(path: string): string | undefined {
  if (path === '' || path.endsWith('/') || path.endsWith('/.') || path === '.') return 'names no file';
  if (/[\0\\]/.test(path)) return 'holds a backslash or a NUL';
  if (path.startsWith('/')) return 'is absolute';
  return path.split('/').includes('..') ? 'leads out of the working directory' : undefined;
}

export interface ReplayOutcome {
  readonly steps: readonly ReplayStep[];
  /** Intents that nothing could answer. */
  readonly missing_results: readonly string[];
  /** Intents whose tool was allowed, and failed or was not executed. A failure that was recorded is none of the replay. */
  readonly failed_steps: readonly string[];
}

export function outcomeOf(steps: readonly ReplayStep[]): ReplayOutcome {
  const idsOf = (wanted: (step: ReplayStep) => boolean): string[] =>
    steps.filter(wanted).map(({ intent_id }) => intent_id);
  return {
    steps,
    missing_results: idsOf(({ execution }) => execution === 'missing'),
    failed_steps: idsOf(
      ({ execution, status }) =>
        execution === 'unsupported' || (execution === 'executed' && status === 'error'),
    ),
  };
}

/** Why a replay is no success: `replay_failed`, else `replay_incomplete`, both verification_failed. */
export function replayFailure({ missing_results, failed_steps }: ReplayOutcome): GaitError | undefined {
  const category = 'verification_failed';
  const details = { failed_steps, missing_results };
  if (failed_steps.length > 0) {
    const message = `the replay failed at ${listed(failed_steps)}`;
    const hint = 'Each failed step says why, in the output and in the record.';
    return new GaitError({ code: 'replay_failed', category, message, hint, details });
  }
  if (missing_results.length === 0) return undefined;
  const message = `the run has no result of ${listed(missing_results)}, and no stub stands in for it`;
  const hint = 'A stub stands in for tools whose name speaks of http, files, databases or queues.';
  return new GaitError({ code: 'replay_incomplete', category, message, hint, details });
}

const MAX_LISTED = 10;

function listed(ids: readonly string[]): string {
  const more = ids.length - MAX_LISTED;
  return `${ids.slice(0, MAX_LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** schemas/v1/run/replay.schema.json */
export interface ReplayRecord extends ReplayOutcome {
  readonly schema_id: 'gait.run.replay';
  readonly schema_version: '1.0.0';
  readonly created_at: Timestamp;
  readonly producer_version: string;
  readonly run_id: string;
  readonly manifest_digest: string;
  readonly mode: 'stub' | 'real';
  /** Empty in stub mode. */
  readonly allow_tools: readonly string[];
  readonly actor: string;
}

/** A replay as it is kept. */
export function replayRecord(
  { run_id, manifest_digest }: RunManifest,
  outcome: ReplayOutcome,
  facts: Pick<ReplayRecord, 'created_at' | 'producer_version' | 'mode' | 'allow_tools' | 'actor'>,
): ReplayRecord {
  const identity = { schema_id: 'gait.run.replay', schema_version: '1.0.0' } as const;
  return { ...identity, ...facts, run_id, manifest_digest, ...outcome };
}
