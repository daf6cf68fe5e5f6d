import { invalidInput } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { parseJson } from '../core/json_text.ts';
import { trimmed } from '../gate/words.ts';
import { readFileBytes } from '../zip/file_source.ts';

/** Reads a file of JSON that is no larger than `limit` bytes. Throws invalid_input for anything else. */
export function readJsonFile(path: string, limit: number): Json {
  return parseJson(readFileBytes(path, limit), path);
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
