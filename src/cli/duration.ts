import { invalidInput } from '../core/errors.ts';
import { inUtc, type Timestamp, zonedTime } from '../core/time.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a time such as `500ms`, `30s`, `5m`, `1h30m` or `1d`. Throws `flag_value_invalid`. */
export function milliseconds(text: string, flag: string): number {
  const parts = /^(?:\d{1,9}(?:ms|s|m|h|d))+$/.test(text) ? [...text.matchAll(/(\d{1,9})(ms|s|m|h|d)/g)] : [];
  const each = parts.map(([, amount, unit]) => Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN));
  const ms = each.reduce((sum, one) => sum + one, 0);
  if (Number.isSafeInteger(ms) && ms > 0) return ms;
  const hint = 'Write a number and a unit: 500ms, 30s, 5m, 1h30m or 1d.';
  throw invalidInput(
    'flag_value_invalid',
    `--${flag} is not a valid timestamp: ${JSON.stringify(text.slice(0, 40))}`,
    hint,
  );
}

/** An instant that a flag gives, in UTC. Throws `flag_value_invalid`. */
export function instantOf(text: string, flag: string): Timestamp {
  const time = zonedTime(text);
  if (time !== undefined) return inUtc(time);
  const hint = 'Write it as RFC 3339 does: 2026-12-24T18:00:00Z, or with an offset such as +01:00.';
  throw invalidInput(
    'flag_value_invalid',
    `--${flag} is not a valid timestamp: ${JSON.stringify(text.slice(0, 40))}`,
    hint,
  );
}
