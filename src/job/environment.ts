import * as os from 'node:os';
import { resolve } from 'node:path';
import { sha256Hex } from '../core/digest.ts';
import { wholeFile } from '../log/file_bytes.ts';
import { nodeFs } from '../log/fs/node.ts';
import { claimOf, DEFAULT_RULES, type EnvironmentClaim } from './fingerprint.ts';

/** Where rules are looked up. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** SHA-256 of a file, or `absent`. */
  digestOfFile(path: string): string;
}

/** Of a library nobody asked for a file by hand: one that cannot be read counts as absent. */
const THIS_PROCESS: Surroundings = {
  env: process.env,
  digestOfFile: (path) => digestOr(wholeFile(nodeFs, path)),
};

/** What the rules of a fingerprint name on this machine, now. */
export function environmentHere(
  rules: readonly string[] = DEFAULT_RULES,
  surroundings: Surroundings = THIS_PROCESS,
): EnvironmentClaim {
  const values = rules.map((rule) => [rule, observed(rule, surroundings)]);
  return claimOf({ rules, values: Object.fromEntries(values) });
}

function observed(rule: string, { env, digestOfFile }: Surroundings): string {
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
      return rule.startsWith('env:') ? digestOr(env[rule.slice(4)]) : digestOfFile(rule.slice(5));
  }
}

function digestOr(content: string | Buffer | undefined): string {
  return content === undefined ? 'absent' : sha256Hex(content);
}

/** A rule as it is kept: a file is named from the root, so that a resume elsewhere looks at the same one. */
export function absoluteRule(rule: string): string {
  return /^file:./s.test(rule) ? `file:${resolve(rule.slice(5))}` : rule;
}
