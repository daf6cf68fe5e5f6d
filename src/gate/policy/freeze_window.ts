import { sameName, trimmed } from '../../core/text.ts';
import { isStrangeRisk } from '../intent/risk_classes.ts';
import type { EvaluationInput, Violation } from '../rules/asked.ts';
import type { PolicyFields } from './fields.ts';
import { ALWAYS, digestedRows, flag, namesOf, oneWord, type Rows, readRows, text, words } from './rows.ts';
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

const WINDOW: Rows<Window> = {
  name: text('Name', ALWAYS),
  start: { digest: 'Start', always: true, read: wallTimeIn },
  end: { digest: 'End', always: true, read: wallTimeIn },
};

/** All of them stand in the digest of a policy that freezes anything, even what is empty. */
export const FREEZE_WINDOW: Rows<FreezeWindow> = {
  enabled: flag('Enabled', ALWAYS),
  timezone: text('Timezone', ALWAYS),
  effect: oneWord('Effect', ['block', 'require_approval'] as const, ALWAYS),
  reason: text('Reason', ALWAYS),
  environments: words('Environments', ALWAYS),
  risk_classes: words('RiskClasses', ALWAYS),
  windows: {
    digest: 'Windows',
    always: true,
    read: (fields, name) => fields.each(name).map(windowOf),
    digested: (windows) => windows.map((window) => digestedRows(WINDOW, window)),
  },
};

/** What members a window has, in the order in which they are written. */
export const WINDOW_MEMBERS: readonly string[] = namesOf(WINDOW);

/** Throws `policy_invalid` for a zone that is none, and a window that ends before it begins. */
export function freezeWindowOf(fields: PolicyFields): FreezeWindow {
  const rule = readRows(FREEZE_WINDOW, fields);
  const { enabled, timezone, windows } = rule;
  const off = fields.says('enabled') && !enabled;
  fields.end();
  const { enabled: _, ...said } = rule;
  if (off && windows.length > 0) throw fields.wrong('enabled', 'is false, though there are windows');
  if (!enabled && Object.values(said).every(({ length }) => length === 0)) return rule;
  if (windows.length === 0) throw fields.wrong('windows', 'is missing', 'Give the start and the end.');
  if (!isZone(timezone)) {
    const hint = 'Write a name of the time zone database, such as Europe/Berlin or UTC.';
    throw fields.wrong('timezone', `is ${JSON.stringify(timezone)}, which is no time zone`, hint);
  }
  return { ...rule, enabled: true, effect: rule.effect || 'block' };
}

function windowOf(fields: PolicyFields, index: number): Window {
  const window = readRows(WINDOW, fields);
  fields.end();
  if (window.end <= window.start) throw fields.wrong('end', 'is not after the start');
  return { ...window, name: window.name || `window-${index + 1}` };
}

function wallTimeIn(fields: PolicyFields, name: string): string {
  const said = trimmed(fields.text(name));
  if (isWallTime(said)) return said;
  const hint = 'Write the local time, such as 2026-12-24T18:00:00.';
  throw fields.wrong(name, `is ${JSON.stringify(said)}, which is no local time`, hint);
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
