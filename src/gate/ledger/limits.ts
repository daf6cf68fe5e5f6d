import { byBytes } from '../../core/text.ts';
import { epochMs, type Timestamp, timestamp } from '../../core/time.ts';
import type { Intent } from '../intent/intent.ts';
import { callsOf } from '../intent/script.ts';
import type { RateLimit } from '../policy/policy.ts';
import type { Judgement } from '../rules/judgement.ts';

/** A limit as it counts now: the counter of its window, how far that may go, and how much of it a call takes. */
export interface Limit {
  /** `window|scope|start of the window|whom it counts`; of a budget, with `destructive_budget|` before whom. */
  readonly key: string;
  readonly kind: 'rate_limit' | 'destructive_budget';
  readonly scope: string;
  readonly requests: number;
  /** 1, and of a script one for each step. */
  readonly amount: number;
}

/** A limit and where it stands. */
export interface LimitStanding extends Limit {
  readonly used: number;
  readonly remaining: number;
}

const WINDOW_MS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000 };

/** The limits that a judged call counts against at a time, each counter once; a script's by the tool of each step. */
export function limitsOf({ duties, steps }: Judgement, intent: Intent, now: Timestamp): Limit[] {
  const calls = callsOf(intent);
  const each = calls.flatMap((call, index) => ofCall(steps?.[index]?.duties ?? duties, call, now));
  const byKey = new Map<string, Limit>();
  for (const limit of each) {
    const known = byKey.get(limit.key);
    byKey.set(limit.key, known === undefined ? limit : both(known, limit));
  }
  return [...byKey.values()].sort((a, b) => byBytes(a.key, b.key));
}

/** Of one call, the smaller number where two limits share a counter: it takes one place of it. */
function ofCall(
  { rate_limits, destructive_budgets }: Judgement['duties'],
  call: Intent,
  now: Timestamp,
): Limit[] {
  const limits = [
    ...rate_limits.map((limit) => limitOf('rate_limit', limit, call, now)),
    ...destructive_budgets.map((limit) => limitOf('destructive_budget', limit, call, now)),
  ];
  const smallest = new Map<string, Limit>();
  for (const limit of limits) {
    const known = smallest.get(limit.key);
    if (known === undefined || limit.requests < known.requests) smallest.set(limit.key, limit);
  }
  return [...smallest.values()];
}

function limitOf(
  kind: Limit['kind'],
  { requests, window, scope }: RateLimit,
  call: Intent,
  now: Timestamp,
): Limit {
  const of = kind === 'destructive_budget' ? 'destructive_budget|' : '';
  const key = [window, scope, windowStart(window, now), `${of}${whom(scope, call)}`].join('|');
  return { key, kind, scope, requests, amount: 1 };
}

function both(one: Limit, other: Limit): Limit {
  return {
    ...one,
    requests: Math.min(one.requests, other.requests),
    amount: one.amount + other.amount,
  };
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
