import * as os from 'node:os';
import { resolve } from 'node:path';
import { sha256Hex } from '../core/digest.ts';
import { errnoOf, invalidInput, ioFailure } from '../core/errors.ts';
import { digestOfFile } from '../files/file_digest.ts';
import { claimOf, DEFAULT_RULES, type EnvironmentClaim } from './fingerprint.ts';

/**
 * What the rules of a fingerprint name, here and now; without rules, for a job that is bound to a fingerprint of its
 * caller's. Files are read beside the event loop.
 */
export type Observe = (rules: readonly string[] | undefined) => Promise<EnvironmentClaim>;

/** Where rules are looked up. */
export interface MachineFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** SHA-256 of a file, or `absent`. */
  digestOfFile(path: string): Promise<string>;
}

const THIS_PROCESS: MachineFacts = { env: process.env, digestOfFile: digestOfRule };

/** Throws `fingerprint_rule_invalid` for a `file:` that is no file, and io_failure for one that cannot be read. */
export async function environmentHere(
  rules: readonly string[] = DEFAULT_RULES,
  surroundings: MachineFacts = THIS_PROCESS,
): Promise<EnvironmentClaim> {
  const values: Record<string, string> = {};
  for (const rule of rules) values[rule] = await observed(rule, surroundings);
  return claimOf({ rules, values });
}

/**
 * Looks in the environment of a command. A fingerprint of the caller's own is claimed as it is, and of a job only that
 * is bound to one: what rules can be looked at for, nobody is believed.
 */
export function observer(env: MachineFacts['env'], own?: string): Observe {
  return async (rules) =>
    rules === undefined && own !== undefined
      ? { fingerprint: own }
      : environmentHere(rules, { env, digestOfFile: digestOfRule });
}

async function observed(rule: string, { env, digestOfFile: digest }: MachineFacts): Promise<string> {
  switch (rule) {
    case 'os':
      return process.platform;
    case 'arch':
      return process.arch;
    case 'runtime':
      return `node${process.versions.node.split('.')[0]}`;
    case 'hostname':
      return os.hostname();
    case 'cwd':
      return process.cwd();
    default:
      return rule.startsWith('env:') ? digestOr(env[rule.slice(4)]) : digest(rule.slice(5));
  }
}

function digestOr(content: string | undefined): string {
  return content === undefined ? 'absent' : sha256Hex(content);
}

async function digestOfRule(path: string): Promise<string> {
  try {
    return (await digestOfFile(path)) ?? 'absent';
  } catch (error) {
    if (errnoOf(error) === 'EFTYPE')
      throw invalidInput('fingerprint_rule_invalid', `file:${path} is not a regular file`, 'Name a file.');
    throw ioFailure(error, `reading ${path} for the fingerprint rule file:${path}`);
  }
}

/** A rule as it is kept: a file is named from the root, so that a resume elsewhere looks at the same one. */
export function absoluteRule(rule: string): string {
  return /^file:./s.test(rule) ? `file:${resolve(rule.slice(5))}` : rule;
}
