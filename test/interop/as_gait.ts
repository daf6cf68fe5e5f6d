import { VERSION } from '../../src/core/version.ts';
import { WITH_EXT } from '../../src/gate/records/trace.ts';
import { isObject, type Json } from './json_values.ts';

/** What the Go builds say of themselves in the documents that they make, and what gait may say in their place. */
const MAKER: Readonly<Record<string, readonly [go: string, ...gait: string[]]>> = {
  producer_version: ['0.0.0-dev', VERSION, `${VERSION}${WITH_EXT}`],
  runtime: ['go', 'node'],
};

/**
 * A document of a Go build with gait for its maker. A document that was carried over keeps its maker: so what gait
 * says decides, unless `allNew`.
 */
export function madeByGait(theirs: Json, ours: Json | undefined, allNew: boolean): Json {
  if (Array.isArray(theirs)) {
    return theirs.map((item, i) => madeByGait(item, Array.isArray(ours) ? ours[i] : undefined, allNew));
  }
  if (!isObject(theirs)) return theirs;
  const members = Object.entries(theirs).map(([name, value]): [string, Json] => {
    const mine = isObject(ours) ? ours[name] : undefined;
    const [go, usual, ...others] = MAKER[name] ?? [];
    if (usual !== undefined && value === go) {
      const said = [usual, ...others].find((maker) => maker === mine) ?? (allNew ? usual : undefined);
      if (said !== undefined) return [name, said];
    }
    return [name, madeByGait(value, mine, allNew)];
  });
  return Object.fromEntries(members);
}
