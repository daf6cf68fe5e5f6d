import { randomBytes } from 'node:crypto';
import { invalidInput } from '../core/errors.ts';
import { inUtc, zonedTime } from '../core/time.ts';
import type { TokenTerms } from '../gate/mint.ts';
import type { FlagSpec, OptionalText, RequiredText } from './command.ts';
import { milliseconds } from './duration.ts';
import type { Io } from './io.ts';
import { type PrivateKeyValues, type Signer, signerOf } from './key_flags.ts';

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
    summary:
      'What it is for, with commas between: tool:tool.write, or * for any. By default the tool of --intent.',
  },
  ttl: {
    type: 'string',
    value: 'TIME',
    required: true,
    summary: 'How long it holds: 30m, 1h30m, 7d. 90d at most.',
  },
  'not-before': {
    type: 'string',
    value: 'TIME',
    summary: 'When it begins to hold, such as 2026-02-14T08:00:00Z.',
  },
  audience: {
    type: 'string',
    value: 'NAME',
    summary: 'The one gate that it is for, as its --audience says.',
  },
  out: {
    type: 'string',
    value: 'FILE',
    summary: 'Where to write it. By default the id is the name, in this directory.',
  },
  'key-mode': {
    type: 'string',
    value: 'MODE',
    options: ['dev', 'prod'],
    summary:
      'Sign with the dev key of the workspace, or with a key of your own (prod). A private key means prod.',
  },
};

export interface MintValues extends PrivateKeyValues {
  readonly ttl: string;
  readonly 'not-before': string | undefined;
  readonly audience: string | undefined;
  readonly 'key-mode': string | undefined;
}

/** How long a token is to hold, and who signs it. */
export function termsOf(flags: MintValues, io: Io): TokenTerms {
  return {
    now: io.clock.now(),
    ttlMs: milliseconds(flags.ttl, 'ttl'),
    nonce: randomBytes(16).toString('hex'),
    notBefore: instantOf(flags['not-before'], 'not-before'),
    audience: flags.audience,
  };
}

/** The key that a token is signed with: the dev key unless one is given. */
export function minterOf(flags: MintValues, io: Io): Signer {
  const given = flags['private-key'] !== undefined || flags['private-key-env'] !== undefined;
  const signer = signerOf(flags['key-mode'] ?? (given ? 'prod' : 'dev'), flags, io);
  if (signer === undefined) throw new Error('either mode makes a signer');
  return signer;
}

/** An instant that a flag gives, in UTC. Throws `flag_value_invalid`. */
export function instantOf(text: string | undefined, flag: string): string | undefined {
  if (text === undefined) return undefined;
  const time = zonedTime(text);
  if (time !== undefined) return inUtc(time);
  const hint = 'Write it as RFC 3339, such as 2026-02-14T08:00:00Z.';
  throw invalidInput(
    'flag_value_invalid',
    `--${flag} is no time: ${JSON.stringify(text.slice(0, 40))}`,
    hint,
  );
}
