import { randomBytes } from 'node:crypto';
import { fineClock } from '../../core/clock.ts';
import type { TokenTerms } from '../../gate/tokens/issue.ts';
import type { FlagSpec, OptionalText, RequiredText } from '../command.ts';
import { instantOf, milliseconds } from '../duration.ts';
import type { Io } from '../io.ts';
import { type PrivateKeyValues, signingModeFlag } from './key.ts';

/** Flags of every command that makes a token. */
export const mintFlags: {
  readonly scope: OptionalText;
  readonly ttl: RequiredText;
  readonly 'not-before': OptionalText;
  readonly audience: OptionalText;
  readonly out: OptionalText;
  readonly 'key-mode': FlagSpec & { readonly type: 'string' };
} = {
  scope: {
    type: 'string',
    value: 'SCOPES',
    summary: 'Scope, comma-separated: tool:tool.write, or * for any. By default the tool of --intent.',
  },
  ttl: {
    type: 'string',
    value: 'TIME',
    required: true,
    summary: 'How long it is valid: 30m, 1h30m, 7d. At most 90d.',
  },
  'not-before': {
    type: 'string',
    value: 'TIME',
    summary: 'Time from which it is valid, such as 2026-02-14T08:00:00Z.',
  },
  audience: {
    type: 'string',
    value: 'NAME',
    summary: 'Gate that it is for: the value of that gate’s --audience.',
  },
  out: {
    type: 'string',
    value: 'FILE',
    summary: 'File to write the token to. By default below ./gait-out, named by its id.',
  },
  'key-mode': signingModeFlag,
};

export interface MintValues extends PrivateKeyValues {
  readonly ttl: string;
  readonly 'not-before': string | undefined;
  readonly audience: string | undefined;
  readonly 'key-mode': string | undefined;
}

/** How long a token is to hold, and who signs it. */
export function termsOf(flags: MintValues, io: Io): TokenTerms {
  const { 'not-before': begins } = flags;
  return {
    now: fineClock(io.clock).now(),
    ttlMs: milliseconds(flags.ttl, 'ttl'),
    nonce: randomBytes(16).toString('hex'),
    notBefore: begins === undefined ? undefined : instantOf(begins, 'not-before'),
    audience: flags.audience,
  };
}
