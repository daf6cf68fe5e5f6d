import { invalidInput } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import { csv, readJsonFile } from './read_json.ts';
import { realPlace } from './workspace/output_places.ts';

/** A token larger than this is refused. Bytes. */
const MAX_TOKEN_BYTES = 65_536;

/** More tokens than this are refused: each is read, and its signature checked. */
const MAX_TOKENS = 64;

/** A token as it stands in a file. Throws invalid_input for what is no JSON object. */
export function readToken(path: string): JsonObject {
  const value = readJsonFile(path, MAX_TOKEN_BYTES);
  if (isJsonObject(value)) return value;
  throw invalidInput('token_malformed', `${path} holds no token: it is no JSON object`);
}

/** The tokens that flags name: one, and lists with commas between them. A file that is named twice is one. */
export function tokensIn(named: readonly (string | undefined)[]): JsonObject[] {
  const paths = named.flatMap((list) => csv(list));
  const places = new Map(paths.map((path) => [realPlace(path), path]));
  if (places.size > MAX_TOKENS) {
    throw invalidInput('flag_value_invalid', `${places.size} tokens are given; the limit is ${MAX_TOKENS}`);
  }
  return [...places.values()].map(readToken);
}
