import { invalidInput } from '../core/errors.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a time such as `500ms`, `30s`, `5m`, `2h` or `1d`. Throws `flag_value_invalid`. */
export function milliseconds(text: string, flag: string): number {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const ms = Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN);
  if (Number.isSafeInteger(ms) && ms > 0) return ms;
  const hint = 'Write a number and a unit: 500ms, 30s, 5m, 2h or 1d.';
  throw invalidInput(
    'flag_value_invalid',
    `--${flag} is no time: ${JSON.stringify(text.slice(0, 40))}`,
    hint,
  );
}
