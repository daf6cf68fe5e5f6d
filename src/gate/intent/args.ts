import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts';
import { trimmed } from '../../core/text.ts';
import { ambiguous, invalid } from './fields.ts';

/** Arguments in the one form that is digested: keys and texts trimmed. Throws `intent_invalid` or `record_ambiguous`. */
export function plainArgs(args: JsonObject, place: string): JsonObject {
  const plain: Record<string, Json> = Object.create(null) as Record<string, Json>;
  for (const [key, value] of Object.entries(args)) {
    const name = trimmed(key);
    if (name === '') throw invalid(`${place} has an empty key`);
    if (Object.hasOwn(plain, name))
      throw ambiguous(`two keys of ${place} are ${JSON.stringify(name)} once trimmed`);
    plain[name] = plainValue(value, `${place}.${name}`);
  }
  return { ...plain };
}

function plainValue(value: Json, place: string): Json {
  if (typeof value === 'string') return trimmed(value);
  if (Array.isArray(value)) return value.map((item: Json, index) => plainValue(item, `${place}[${index}]`));
  return isJsonObject(value) ? plainArgs(value, place) : value;
}
