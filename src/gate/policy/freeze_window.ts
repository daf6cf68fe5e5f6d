import type { Json } from '../../core/json.ts';
import { loweredList, sameName, trimmed } from '../../core/text.ts';
import { isStrangeRisk } from '../intent/risk_classes.ts';
import type { EvaluationInput, Violation } from '../rules/asked.ts';
import type { PolicyFields } from './fields.ts';
import { choice } from './values.ts';
import { instantsOf, isWallTime, isZone } from './wall_clock.ts';

/** When a rule lets nothing run, or nothing unasked. */
export interface FreezeWindow {
  readonly enabled: boolean;
  /** A name of the IANA time zone database. */
  readonly timezone: string;
  readonly effect: '' | 'block' | 'require_approval';
  /** For whoever reads the policy. */
  readonly reason: string;
  /** Empty for all. */
  readonly environments: readonly string[];
  /** Empty for all. */
  readonly risk_classes: readonly string[];
  readonly windows: readonly Window[];
}

interface Window {
  readonly name: string;
  /** Local time, `2026-12-24T18:00:00`; the end is no part of it. */
  readonly start: string;
  readonly end: string;
}

/** Throws `policy_invalid` for a zone that is none, and a window that ends before it begins. */
export function freezeWindowOf(fields: PolicyFields): FreezeWindow {
  const enabled = fields.flag('enabled');
  const timezone = trimmed(fields.text('timezone'));
  const effect = choice(fields, 'effect', ['block', 'require_approval'] as const);
  const reason = trimmed(fields.text('reason'));
  const environments = loweredList(fields.texts('environments'));
  const risk_classes = loweredList(fields.texts('risk_classes'));
  const windows = fields.each('windows').map(windowOf);
  const off = fields.says('enabled') && !enabled;
  fields.end();
  const rest = { reason, environments, risk_classes, windows };
  const said = [timezone, effect, reason, environments, risk_classes, windows];
  if (off && windows.length > 0) throw fields.wrong('enabled', 'is false, though there are windows');
  if (!enabled && said.every(({ length }) => length === 0)) return { enabled, timezone, effect, ...rest };
  if (windows.length === 0) throw fields.wrong('windows', 'is missing', 'Say when: start and end.');
  if (!isZone(timezone)) {
    const hint = 'Write a name of the time zone database, such as Europe/Berlin or UTC.';
    throw fields.wrong('timezone', `is ${JSON.stringify(timezone)}, which is no time zone`, hint);
  }
  return { enabled: true, timezone, effect: effect || 'block', ...rest };
}

function windowOf(fields: PolicyFields, index: number): Window {
  const name = trimmed(fields.text('name')) || `window-${index + 1}`;
  const time = (which: string): string => {
    const text = trimmed(fields.text(which));
    if (isWallTime(text)) return text;
    const hint = 'Write the local time, such as 2026-12-24T18:00:00.';
    throw fields.wrong(which, `is ${JSON.stringify(text)}, which is no local time`, hint);
  };
  const [start, end] = [time('start'), time('end')];
  fields.end();
  if (end <= start) throw fields.wrong('end', 'is not after the start');
  return { name, start, end };
}

/** What stands in the digest of a policy: all of it, even what is empty; null for none. */
export function digestedFreeze({ enabled, windows, ...freeze }: FreezeWindow): Json {
  if (!enabled) return null;
  return {
    Enabled: true,
    Timezone: freeze.timezone,
    Effect: freeze.effect,
    Reason: freeze.reason,
    Environments: freeze.environments,
    RiskClasses: freeze.risk_classes,
    Windows: windows.map(({ name, start, end }) => ({ Name: name, Start: start, End: end })),
  };
}

/** What is frozen stays so whatever else a call says of itself: one that names no environment may be of any. */
export function freeze(rule: FreezeWindow, { intent, claims, at }: EvaluationInput): Violation | undefined {
  if (!rule.enabled) return undefined;
  const { environments, risk_classes: risks } = rule;
  const { environment } = claims;
  const risk = intent.context.risk_class;
  const isIn = (name: string): boolean => environments.map(sameName).includes(sameName(name));
  if (environments.length > 0 && environment !== undefined && !isIn(environment)) return undefined;
  if (risks.length > 0 && !risks.includes(risk) && !isStrangeRisk(risk)) return undefined;
  if (!spansOf(rule).some(({ from, until }) => from <= at && at < until)) return undefined;
  const effect = rule.effect || 'block';
  const code = `freeze_window_active_${effect}`;
  return { effect, reasons: [code], violations: [code] };
}

interface Span {
  readonly from: number;
  readonly until: number;
}

/** By rule, since policies live longer than calls. */
const SPANS = new WeakMap<FreezeWindow, readonly Span[]>();

/** Where a clock shows a time twice, or not at all, the longer reading counts. */
function spansOf(rule: FreezeWindow): readonly Span[] {
  const known = SPANS.get(rule);
  if (known !== undefined) return known;
  const spans = rule.windows.map(({ start, end }) => ({
    from: instantsOf(start, rule.timezone).earliest,
    until: instantsOf(end, rule.timezone).latest,
  }));
  SPANS.set(rule, spans);
  return spans;
}
