import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { type GaitError, invalidInput } from '../../core/errors.ts';
import type { Env } from '../host.ts';
import { VARIABLE_NAME } from '../process/env.ts';
import { csv } from '../read_json.ts';

/** The variable with the commands that may issue credentials: paths, or names that PATH resolves, apart by commas. */
export const ALLOW_LIST_VARIABLE = 'GAIT_CREDENTIAL_COMMAND_ALLOWLIST';

/** A program as it is named, and the file that it is, with all links followed. */
export interface FoundCommand {
  readonly path: string;
  readonly argv0: string;
}

/**
 * The command that is to issue credentials; undefined when there is no such program. Throws `flag_missing`,
 * `command_not_allowed` and `allow_list_missing` (invalid_input).
 */
export function requiredCommand(
  name: string | undefined,
  env: Env,
  profile: 'standard' | 'oss-prod',
): FoundCommand | undefined {
  if (name === undefined || name === '') {
    const hint = 'Give --credential-command COMMAND.';
    throw invalidInput('flag_missing', '--credential-broker command needs a command', hint);
  }
  const found = foundCommand(name, env['PATH']);
  const listed = env[ALLOW_LIST_VARIABLE]?.trim() ?? '';
  if (listed !== '') {
    const allowed = csv(listed).some((entry) => isSame(found, foundCommand(entry, env['PATH'])));
    if (!allowed) throw notAllowed();
  } else if (profile === 'oss-prod') {
    const hint = `Set ${ALLOW_LIST_VARIABLE} to the commands that may, comma-separated.`;
    const message = 'the profile oss-prod lets no command issue credentials without a list of those that may';
    throw invalidInput('allow_list_missing', message, hint);
  }
  return found;
}

/** The same file under the same name: a program such as busybox is many commands, told apart by their names alone. */
function isSame(one: FoundCommand | undefined, other: FoundCommand | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return one.path === other.path && basename(one.argv0) === basename(other.argv0);
}

function notAllowed(): GaitError {
  const hint = `Add it to ${ALLOW_LIST_VARIABLE}: its path, or its name if PATH leads to it.`;
  return invalidInput('command_not_allowed', `--credential-command is not in ${ALLOW_LIST_VARIABLE}`, hint);
}

/** A name without a slash is looked for in the absolute directories of PATH. */
function foundCommand(name: string, path: string | undefined): FoundCommand | undefined {
  const directories = (path ?? '').split(':').filter(isAbsolute);
  const places = name.includes('/') ? [resolve(name)] : directories.map((directory) => join(directory, name));
  for (const place of places) {
    const real = realProgram(place);
    if (real !== undefined) return { path: real, argv0: name };
  }
  return undefined;
}

/** The real path of a file that may be executed. */
function realProgram(path: string): string | undefined {
  try {
    const real = realpathSync(path);
    if (!statSync(real).isFile()) return undefined;
    accessSync(real, constants.X_OK);
    return real;
  } catch {
    return undefined;
  }
}

/** False once a link stands where the file was, or a directory above it. */
export function isStillThere({ path }: FoundCommand): boolean {
  return realProgram(path) === path;
}

/** What the command sees of the environment, unless more is passed on: no settings of gait, no secrets. */
const KEPT_VARIABLES: readonly string[] = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'];

/** Throws `flag_value_invalid` for what is no name of a variable. */
export function commandEnvironment(env: Env, passed: readonly string[]): Record<string, string> {
  if (!passed.every((name) => VARIABLE_NAME.test(name))) {
    const hint = 'Give the name alone; its value is taken from the environment of gait.';
    throw invalidInput('flag_value_invalid', '--credential-pass-env takes the name of a variable', hint);
  }
  const found = [...KEPT_VARIABLES, ...passed].flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}
