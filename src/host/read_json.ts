import type { ErrorCode } from '../core/error_codes.ts';
import { GaitError, invalidInput } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { parseJson } from '../core/json_text.ts';
import { trimmed } from '../core/text.ts';
import { readFileBytes } from '../files/file_source.ts';

/** Reads a file of JSON that is no larger than `limit` bytes. Throws invalid_input for anything else. */
export function readJsonFile(path: string, limit: number): Json {
  return parseJson(readFileBytes(path, limit), path);
}

/** What is wrong with where a file is, and so with the command. */
const OF_PLACES: ReadonlySet<string> = new Set(['file_not_found', 'not_a_file', 'path_unusable']);

/** Reads a file that is to be verified: what is wrong with it is a finding about it, as `code`, and no misuse of the command. */
export function verifiedFile<T>(code: ErrorCode, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof GaitError) || error.category !== 'invalid_input' || OF_PLACES.has(error.code))
      throw error;
    const { message, hint, details } = error;
    const said = { message, details, ...(hint === undefined ? {} : { hint }) };
    throw new GaitError({ code, category: 'verification_failed', ...said });
  }
}

/** A file that a command takes as its argument, or by --path. */
export interface PathInput {
  readonly flags: { readonly path: string | undefined };
  readonly args: readonly string[];
}

/** The file that is named, once. `what` it is, and how it is written. */
export function namedPath(
  { args: [argument], flags: { path } }: PathInput,
  what: string,
  usage: string,
): string {
  if (argument !== undefined && path !== undefined) {
    throw invalidInput('argument_unexpected', `the ${what} is given twice, as an argument and by --path`);
  }
  const given = argument ?? path;
  if (given === undefined || given === '') {
    throw invalidInput('argument_missing', `no ${what} is given`, `Name the file: ${usage}.`);
  }
  return given;
}

/** Words apart by commas, in their order. */
export function csv(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map(trimmed)
    .filter((word) => word !== '');
}
