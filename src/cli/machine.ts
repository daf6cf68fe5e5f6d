import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { userInfo } from 'node:os';
import { errnoOf, invalidInput, ioFailure } from '../core/errors.ts';
import { environmentHere } from '../job/environment.ts';
import type { EnvironmentClaim } from '../job/fingerprint.ts';
import type { Io } from './io.ts';

/** Observes what the rules of a fingerprint name on this machine, now. */
export function observe(rules: readonly string[], env: Io['env']): EnvironmentClaim {
  return environmentHere(rules, { env, digestOfFile });
}

function digestOfFile(path: string): string {
  try {
    if (!fs.statSync(path).isFile()) {
      throw invalidInput('fingerprint_rule_invalid', `file:${path} is not a regular file`, 'Name a file.');
    }
    const hash = createHash('sha256');
    const fd = fs.openSync(path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(1024 * 1024);
      for (let count = fs.readSync(fd, buffer); count > 0; count = fs.readSync(fd, buffer)) {
        hash.update(buffer.subarray(0, count));
      }
    } finally {
      fs.closeSync(fd);
    }
    return hash.digest('hex');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return 'absent';
    throw ioFailure(error, `reading ${path} for the fingerprint rule file:${path}`);
  }
}

/** Who gives the command: `--actor`, else GAIT_ACTOR, else the user of the operating system. */
export function actorOf(flag: string | undefined, env: Io['env']): string {
  return flag ?? nonEmpty(env['GAIT_ACTOR']) ?? systemUser();
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid:${process.getuid?.() ?? 'unknown'}`;
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
