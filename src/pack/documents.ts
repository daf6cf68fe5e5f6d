import { canonicalize, parseCanonical } from '../core/canonical.ts';
import { GaitError } from '../core/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import { isTimestamp } from '../core/time.ts';
import { schemaFault, type Validate } from '../schema/validator.ts';
import type { Finding } from './report.ts';

/** A finding whose layer follows from the check that made it. */
export type JobFinding = Omit<Finding, 'layer'>;

/** The members of a pack by name; all that are declared have the digest that the manifest declares. */
export type Members = ReadonlyMap<string, Buffer>;

/** A member that must be one canonical JSON document of a schema. */
export function readDocument(
  name: string,
  bytes: Buffer,
  validate: Validate,
): { value?: JsonObject; finding?: JobFinding } {
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

/** A schema knows the form of a time, but not the calendar: every `…_at` in a document must be a real instant. */
export function timeFindings(name: string, value: Json | undefined): JobFinding[] {
  if (Array.isArray(value)) return value.flatMap((item: Json) => timeFindings(name, item));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    if (!key.endsWith('_at') || typeof member !== 'string') return timeFindings(name, member);
    if (isTimestamp(member)) return [];
    return [
      { code: 'not_a_time', message: `${name}: ${key} is no time: ${member}`, member: name, actual: member },
    ];
  });
}

/** A member that must be exactly what the events make of it. Names what in the document differs. */
export function unlike(member: string, code: string, expected: object, actual: object): JobFinding[] {
  if (canonicalize(expected) === canonicalize(actual)) return [];
  const [should, is] = [expected, actual] as Record<string, unknown>[];
  const keys = [...new Set([...Object.keys(should ?? {}), ...Object.keys(is ?? {})])].sort();
  const differing = keys.filter((key) => print(should?.[key]) !== print(is?.[key]));
  const message = `${member}: ${differing.join(', ')} ${differing.length === 1 ? 'is' : 'are'} not what the events make`;
  return [{ code, message, member }];
}

function print(value: unknown): string {
  return value === undefined ? '' : canonicalize(value);
}
