import * as os from 'node:os';
import { sha256Hex } from '../core/digest.ts';
import { wholeFile } from '../log/file_bytes.ts';
import { nodeFs } from '../log/fs/node.ts';
import { claimOf, DEFAULT_RULES, type EnvironmentClaim } from './fingerprint.ts';

/**
 * What the rules of a fingerprint name on this machine, now, with the values that the commands give them. A file that
 * cannot be read counts as absent.
 */
export function environmentHere(rules: readonly string[] = DEFAULT_RULES): EnvironmentClaim {
  return claimOf({ rules, values: Object.fromEntries(rules.map((rule) => [rule, observed(rule)])) });
}

function observed(rule: string): string {
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
      return digestOr(
        rule.startsWith('env:') ? process.env[rule.slice(4)] : wholeFile(nodeFs, rule.slice(5)),
      );
  }
}

function digestOr(content: string | Buffer | undefined): string {
  return content === undefined ? 'absent' : sha256Hex(content);
}
