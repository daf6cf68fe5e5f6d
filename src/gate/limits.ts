import { epochMs, type Timestamp, timestamp } from '../core/time.ts';
import type { Intent } from './intent.ts';
import type { RateLimit } from './policy.ts';
import { byBytes } from './words.ts';

/** A limit as it counts now: the counter of its window, and how far that may go. */
export interface Limit {
  /** `window|scope|start of the window|whom it counts`. */
  readonly key: string;
  readonly scope: string;
  readonly requests: number;
}

/** A limit and where it stands. */
export interface LimitStanding extends Limit {
  readonly used: number;
  readonly remaining: number;
}

const WINDOW_MS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000 };

/** The limits that a call counts against at a time, each counter once, with the smaller number where two share one. */
export function limitsOf(limits: readonly RateLimit[], intent: Intent, now: Timestamp, of = ''): Limit[] {
  const byKey = new Map<string, Limit>();
  for (const { requests, window, scope } of limits) {
    const key = [window, scope, windowStart(window, now), `${of}${whom(scope, intent)}`].join('|');
    const known = byKey.get(key);
    if (known === undefined || requests < known.requests) byKey.set(key, { key, scope, requests });
  }
  return [...byKey.values()].sort((a, b) => byBytes(a.key, b.key));
}

function windowStart(window: string, now: Timestamp): Timestamp {
  const length = WINDOW_MS[window] ?? 60_000;
  return timestamp(Math.floor(epochMs(now) / length) * length);
}

/** When the window of a counter ends, from its key. Undefined for a key that is none. */
export function windowEnd(key: string): number | undefined {
  const [window = '', , start = ''] = key.split('|');
  const length = WINDOW_MS[window];
  const at = Date.parse(start);
  return length === undefined || Number.isNaN(at) ? undefined : at + length;
}

/** Names are escaped, so that no two of them can make one key between them. */
function whom(scope: string, { tool_name, context }: Intent): string {
  const escaped = [tool_name, context.identity].map((name) =>
    name.replaceAll('%', '%25').replaceAll('|', '%7C'),
  );
  const [tool = '', identity = ''] = escaped;
  return scope === 'tool' ? tool : scope === 'identity' ? identity : `${tool}|${identity}`;
}
