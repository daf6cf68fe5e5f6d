import { userInfo } from 'node:os';
import type { Env } from '../host.ts';

/** Who gives the command: `--actor`, else GAIT_ACTOR, else the user of the operating system. */
export function actorOf(flag: string | undefined, env: Env): string {
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
