import type { Timestamp } from '../../core/time.ts';
import type { OptionalText } from '../command.ts';
import { instantOf } from '../duration.ts';
import type { Io } from '../io.ts';

/** When a call is judged. */
export const evaluationFlags: { readonly 'evaluation-time': OptionalText } = {
  'evaluation-time': {
    type: 'string',
    value: 'TIME',
    summary: 'Judge as if it were this time, such as 2026-12-24T18:00:00+01:00. By default, now.',
  },
};

/** What `~` is in a call. */
export const homeFlags: { readonly home: OptionalText } = {
  home: {
    type: 'string',
    value: 'DIR',
    summary:
      'The home folder of whoever acts: what ~ and $HOME are in a call. By default they may be any folder.',
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
    summary: 'The kill switches that stand, as `gait kill-switch` keeps them. By default none.',
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
    summary: 'What the agent was given to read: a context envelope. Without it no context is proven.',
  },
};
