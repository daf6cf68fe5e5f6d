import type { Timestamp } from '../../core/time.ts';
import type { OptionalText } from '../command.ts';
import { instantOf } from '../duration.ts';
import type { Io } from '../io.ts';

/** When a call is judged. */
export const evaluationFlags: { readonly 'evaluation-time': OptionalText } = {
  'evaluation-time': {
    type: 'string',
    value: 'TIME',
    summary: 'Evaluate as of this time, such as 2026-12-24T18:00:00+01:00. By default, now.',
  },
};

/** What `~` is in a call. */
export const homeFlags: { readonly home: OptionalText } = {
  home: {
    type: 'string',
    value: 'DIR',
    summary: 'Home directory that ~ and $HOME stand for in a call. By default they may be any directory.',
  },
};

/** What a command that tries one policy on one call takes. */
export const trialFlags: typeof evaluationFlags &
  typeof homeFlags & { readonly 'kill-switch-state': OptionalText } = {
  ...evaluationFlags,
  ...homeFlags,
  'kill-switch-state': {
    type: 'string',
    value: 'FILE',
    summary: 'File of the kill switches, as `gait kill-switch` writes it. By default none.',
  },
};

/** The time of the flag, else that of the clock. Throws `flag_value_invalid` for what is no RFC 3339 time. */
export function evaluationTime(
  { 'evaluation-time': text }: { readonly 'evaluation-time': string | undefined },
  io: Io,
): Timestamp {
  return text === undefined ? io.clock.now() : instantOf(text, 'evaluation-time');
}

export const contextFlags: { readonly 'context-envelope': OptionalText } = {
  'context-envelope': {
    type: 'string',
    value: 'FILE',
    summary: 'Context envelope: what the agent was given to read. Without it no context is proven.',
  },
};
