import { parseCanonical } from '../core/canonical.ts';
import { GaitError } from '../core/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import type { Found } from '../core/report.ts';
import { isTimestamp } from '../core/time.ts';
import { schemaFault, type Validate } from './validator.ts';

/** The members of a pack by name; all that are declared have the digest that the manifest declares. */
export type Members = ReadonlyMap<string, Buffer>;

/** A member that must be one canonical JSON document of a schema. */
export function readDocument(
  name: string,
  bytes: Buffer,
  validate: Validate,
): { value?: JsonObject; finding?: Found } {
  try {
    const value = parseCanonical(bytes);
    const fault = schemaFault(validate, value);
    if (fault === undefined && isJsonObject(value)) return { value };
    return {
      finding: { code: 'schema_mismatch', message: `${name}: ${fault ?? 'not an object'}`, member: name },
    };
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    return { finding: { code: error.code, message: `${name}: ${error.message}`, member: name } };
  }
}

/** A schema knows the form of a time, but not the calendar: every `…_at` and `ts` in a document must be a real instant. */
export function timeFindings(
  name: string,
  value: Json | undefined,
  isTime: (text: string) => boolean = isTimestamp,
): Found[] {
  if (Array.isArray(value)) return value.flatMap((item: Json) => timeFindings(name, item, isTime));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    if (!isTimeKey(key) || typeof member !== 'string') {
      return CONTENT.has(key) ? [] : timeFindings(name, member, isTime);
    }
    if (isTime(member)) return [];
    return [
      {
        code: 'not_a_time',
        message: `${name}: ${key} is not a valid timestamp: ${member}`,
        member: name,
        actual: member,
      },
    ];
  });
}

function isTimeKey(key: string): boolean {
  return key.endsWith('_at') || key === 'ts';
}

/** What others put into a document: its members have names of their own. */
const CONTENT: ReadonlySet<string> = new Set(['args', 'result', 'retrieval_params', 'relationship', 'env']);
