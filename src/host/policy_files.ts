import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GaitError, invalidInput, ioFailure } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { byBytes } from '../core/text.ts';
import type { Timestamp } from '../core/time.ts';
import { readFileBytes } from '../files/file_source.ts';
import { type Decision, rulesAlone } from '../gate/evaluate.ts';
import type { IntentRequest } from '../gate/intent/intent.ts';
import { MAX_INTENT_BYTES, parseIntent } from '../gate/intent/reader.ts';
import { policyDigest } from '../gate/policy/digest.ts';
import type { Policy } from '../gate/policy/policy.ts';
import { MAX_POLICY_BYTES, parsePolicy } from '../gate/policy/yaml.ts';
import { homeFolder } from '../gate/target/places.ts';
import { readJsonFile } from './read_json.ts';

/** A context envelope larger than this is refused. Bytes. */
const MAX_ENVELOPE_BYTES = 1024 * 1024;

/** A context envelope as it stands in a file. Throws invalid_input for what is no JSON. */
export function readContextEnvelope(path: string): Json {
  return readJsonFile(path, MAX_ENVELOPE_BYTES);
}

/** The home folder of the flag, in its plain form. Throws `home_invalid`. */
export function homeOf({ home }: { readonly home: string | undefined }): string | undefined {
  return home === undefined ? undefined : homeFolder(home);
}

export interface PolicyFile {
  readonly path: string;
  readonly bytes: Buffer;
  readonly policy: Policy;
  readonly digest: string;
}

export function readPolicyFile(path: string): PolicyFile {
  const bytes = readFileBytes(path, MAX_POLICY_BYTES);
  const policy = parsePolicy(bytes, path);
  return { path, bytes, policy, digest: policyDigest(policy) };
}

/** Throws `policy_unexpected` for another policy than the one that the caller means. */
export function policyPinned({ path, policy, digest }: PolicyFile, expected: string | undefined): Policy {
  if (expected === undefined || expected === digest) return policy;
  throw new GaitError({
    code: 'policy_unexpected',
    category: 'policy_blocked',
    message: `${path} is not the policy that is expected: its digest is ${digest}`,
    hint: 'Look at what changed in it, with `gait policy fmt` and `gait policy simulate`.',
  });
}

export function readIntentFile(path: string): IntentRequest {
  const bytes = readFileBytes(path, MAX_INTENT_BYTES);
  try {
    return parseIntent(bytes, path);
  } catch (error) {
    if (!(error instanceof GaitError) || error.message.startsWith(path)) throw error;
    throw invalidInput(error.code, `${path}: ${error.message}`, error.hint, error.details);
  }
}

/** A policy, a call, and what is decided. */
export interface Trial {
  readonly file: PolicyFile;
  readonly request: IntentRequest;
  /** When it is judged. */
  readonly now: Timestamp;
  readonly decision: Decision;
}

/** The files of a trial that are named beside the policy and the call. */
interface TrialFiles {
  readonly 'kill-switch-state': string | undefined;
  readonly 'context-envelope'?: string | undefined;
  readonly home: string | undefined;
}

/** Tries a policy on a call, under the kill switches of a file and with a context envelope, if they are named. */
export async function tried(
  [policyPath = '', intentPath = '']: readonly string[],
  now: Timestamp,
  { 'kill-switch-state': killSwitchState, 'context-envelope': envelope, home: said }: TrialFiles,
): Promise<Trial> {
  const file = readPolicyFile(policyPath);
  const request = readIntentFile(intentPath);
  const context = envelope === undefined ? {} : { context: readContextEnvelope(envelope) };
  const shown = { ...context, home: homeOf({ home: said }) };
  if (killSwitchState === undefined) {
    return { file, request, now, decision: rulesAlone(file.policy, request, now, shown) };
  }
  const { readKillSwitchFile } = await import('../gate/kill_switch/file.ts');
  const switches = readKillSwitchFile(killSwitchState);
  return { file, request, now, decision: rulesAlone(file.policy, request, now, { switches, ...shown }) };
}

/** The files that are named, and the `.json` in directories that are, each once and sorted. */
export function fixturePaths(named: readonly string[]): string[] {
  const paths = named.flatMap((path) => (isDirectory(path) ? jsonIn(path) : [path]));
  if (paths.length > 0) return [...new Set(paths)].sort(byBytes);
  const where = named.length === 0 ? 'no --fixtures are given' : `there is no .json in ${named.join(', ')}`;
  throw invalidInput('fixtures_missing', where, 'Name calls: files, or directories of .json.');
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function jsonIn(dir: string): string[] {
  try {
    const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.json'));
    return files.map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    throw ioFailure(error, `reading ${dir}`);
  }
}
