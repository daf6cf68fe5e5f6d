import { invalidInput } from '../core/errors.ts';
import { inUtc, type Timestamp, zonedTime } from '../core/time.ts';
import type { OptionalText } from './command.ts';
import type { Io } from './io.ts';

/** When a call is judged. */
export const evaluationFlags: { readonly 'evaluation-time': OptionalText } = {
  'evaluation-time': {
    type: 'string',
    value: 'TIME',
    summary: 'Judge as if it were this time, such as 2026-12-24T18:00:00+01:00. By default, now.',
  },
};

/** What a command that tries one policy on one call takes. */
export const trialFlags: typeof evaluationFlags & { readonly 'kill-switch-state': OptionalText } = {
  ...evaluationFlags,
  'kill-switch-state': {
    type: 'string',
    value: 'FILE',
    summary: 'The kill switches that stand, as `gait kill-switch` keeps them. By default none.',
  },
};

/** The time of the flag, else that of the clock. Throws `flag_value_invalid` for what is no RFC 3339 time. */
export function evaluationTime(
  { 'evaluation-time': text }: { readonly 'evaluation-time': string | undefined },
  io: Io,
): Timestamp {
  if (text === undefined) return io.clock.now();
  const time = zonedTime(text);
  if (time !== undefined) return inUtc(time);
  const hint = 'Write it as RFC 3339 does: 2026-12-24T18:00:00Z, or with an offset such as +01:00.';
  throw invalidInput('flag_value_invalid', `--evaluation-time is no time: ${JSON.stringify(text)}`, hint);
}
