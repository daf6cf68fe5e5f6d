import { createHash } from 'node:crypto';
import { canonicalize, parseCanonical } from '../../../core/canonical.ts';
import { isJsonObject, type Json, type JsonObject } from '../../../core/json.ts';
import { essential, lacking } from '../../comparable.ts';

/**
 * What counts of the events of a job. A renewal only says that time has passed, and a token is its lease's place among
 * the leases, so that the number of renewals before it does not count. Of a signature it counts whose it is.
 */
export function comparableEvents(bytes: Buffer): string {
  const hash = createHash('sha256');
  const places = new Map<Json | undefined, number>();
  for (const line of bytes.toString('utf8').split('\n')) {
    if (line === '') continue;
    const event = parseCanonical(Buffer.from(line));
    const { type, payload } = isJsonObject(event) ? event : {};
    if (type === 'lease_renewed') continue;
    if (type === 'lease_acquired' && isJsonObject(payload)) places.set(payload['token'], places.size + 1);
    hash.update(canonicalize(essential(withSigners(withPlaces(lacking(event, ['revision']), places)))));
  }
  return hash.digest('hex');
}

function withPlaces(event: Json, places: ReadonlyMap<Json | undefined, number>): Json {
  if (!isJsonObject(event) || !isJsonObject(event['payload'])) return event;
  const { payload } = event;
  const place = (holder: JsonObject): JsonObject => {
    const { token } = holder;
    return token === undefined ? holder : { ...holder, token: places.get(token) ?? token };
  };
  const { taken_over } = payload;
  const replaced = isJsonObject(taken_over) ? { taken_over: place(taken_over) } : {};
  return { ...event, payload: { ...place(payload), ...replaced } };
}

function withSigners(event: Json): Json {
  if (!isJsonObject(event) || !isJsonObject(event['payload'])) return event;
  const { payload } = event;
  const { signed } = payload;
  const signature = isJsonObject(signed) ? signed['signature'] : undefined;
  if (!isJsonObject(signature)) return event;
  return { ...event, payload: { ...payload, signed: { key_id: signature['key_id'] ?? null } } };
}
