import type { Json, JsonObject } from '../../../src/core/json.ts';
import { allowing, blocking, callOn, decide, KINDS } from './asking.ts';
import type { HostPlace } from './hosts.ts';
import type { PathPlace } from './paths.ts';

/** One way to deny a place. */
export interface Denial {
  readonly policy: Json;
  readonly switches: readonly JsonObject[];
}

const ALL: JsonObject = { default_verdict: 'allow', rules: [] };

export function denialsOfPath({ path, patterns, folder }: PathPlace): readonly Denial[] {
  return [
    ...patterns.map((pattern) => ({ policy: allowing({ path_denylist: [pattern] }), switches: [] })),
    { policy: blocking({ target_values: [path] }), switches: [] },
    { policy: blocking({ target_patterns: [path] }), switches: [] },
    { policy: ALL, switches: [{ target_value: path }] },
    { policy: ALL, switches: [{ path_prefixes: [folder] }] },
    { policy: ALL, switches: [{ path_prefixes: [path] }] },
  ];
}

export function denialsOfHost({ host, patterns }: HostPlace): readonly Denial[] {
  return [
    ...patterns.map((pattern) => ({ policy: allowing({ domain_denylist: [pattern] }), switches: [] })),
    { policy: blocking({ target_values: [host] }), switches: [] },
    { policy: ALL, switches: [{ target_value: host }] },
  ];
}

/**
 * The kinds and denials under which a spelling is not blocked. `every`: each kind under each denial; else the first four
 * kinds under one of them, and each denial for one of the kinds, in turn.
 */
export function gaps(value: string, denials: readonly Denial[], every: boolean): string[] {
  return denials.flatMap(({ policy, switches }, at) =>
    KINDS.filter((kind, index) => {
      if (!every && !(at === 0 && index < 4) && index !== (at + value.length) % KINDS.length) return false;
      return decide({ policy, call: callOn(kind, value), switches }).verdict !== 'block';
    }).map((kind) => `${kind}: ${JSON.stringify(switches.length > 0 ? switches : policy)}`),
  );
}
