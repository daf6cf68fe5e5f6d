import { invalidInput } from '../core/errors.ts';
import type { SignaturePolicy } from '../signing/verify.ts';
import type { OptionalText } from './command.ts';
import type { Io } from './io.ts';
import {
  exposedError,
  type PrivateKeyValues,
  privateKeyOf,
  type TrustValues,
  trustFlags,
  trustOf,
} from './key_flags.ts';

/** Flags of every command that checks signatures. */
export const policyFlags: typeof trustFlags & {
  readonly 'private-key': OptionalText;
  readonly 'private-key-env': OptionalText;
  readonly profile: ProfileFlag;
  readonly 'require-signature': { readonly type: 'boolean'; readonly summary: string };
} = {
  ...trustFlags,
  'private-key': {
    type: 'string',
    value: 'FILE',
    summary: 'A private key whose public half to believe. Better give the public key alone.',
  },
  'private-key-env': {
    type: 'string',
    value: 'NAME',
    summary: 'The environment variable that holds such a private key.',
  },
  profile: {
    type: 'string',
    value: 'PROFILE',
    default: 'standard',
    options: ['standard', 'strict'],
    summary: 'strict demands a signature by a key that is given.',
  },
  'require-signature': {
    type: 'boolean',
    summary: 'What is unsigned, or has a signature that cannot be checked, will not do.',
  },
};

interface ProfileFlag {
  readonly type: 'string';
  readonly value: string;
  readonly default: string;
  readonly options: readonly string[];
  readonly summary: string;
}

export interface PolicyValues extends TrustValues, PrivateKeyValues {
  readonly profile: string;
  readonly 'require-signature': boolean;
}

/** Whom to believe and how much to demand. Throws `public_key_missing` for a strict profile without a key. */
export function policyOf(flags: PolicyValues, io: Io): SignaturePolicy {
  const trust = trustOf(flags, io);
  const strict = flags.profile === 'strict';
  if (flags['private-key'] !== undefined || flags['private-key-env'] !== undefined) {
    const { key, source, warnings, exposed } = privateKeyOf(flags, io);
    if (strict && exposed) throw exposedError(source);
    for (const warning of warnings) io.note(`warning: ${warning}`);
    trust.admit(key.publicKey, source);
  }
  if (strict && trust.size === 0) {
    const hint = 'Give --public-key FILE, --public-key-env NAME or --trust-dir DIR.';
    throw invalidInput('public_key_missing', '--profile strict needs a public key to believe', hint);
  }
  return { trust, required: strict || flags['require-signature'] };
}
