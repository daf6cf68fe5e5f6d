import { invalidInput } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { parseJson } from '../core/json_text.ts';
import { openSource } from '../zip/file_source.ts';

/** Reads a file that is no larger than `limit` bytes. Throws `file_too_large`, `file_not_found` and others (invalid_input). */
export function readFileBytes(path: string, limit: number): Buffer {
  const file = openSource(path);
  try {
    const { size } = file.source;
    if (size > limit) {
      throw invalidInput('file_too_large', `${path} has ${size} bytes; the limit is ${limit}`);
    }
    return file.source.read(0, size);
  } finally {
    file.close();
  }
}

/** Reads a file of JSON that is no larger than `limit` bytes. Throws invalid_input for anything else. */
export function readJsonFile(path: string, limit: number): Json {
  return parseJson(readFileBytes(path, limit), path);
}
