import { invalidInput } from '../../core/errors.ts';
import type { PublicKey } from '../../signing/keys.ts';
import { packTrust } from '../../signing/ring_trust.ts';
import type { SignaturePolicy } from '../../signing/verify.ts';
import type { OptionalText } from '../command.ts';
import type { Io } from '../io.ts';
import {
  exposedError,
  type PrivateKeyValues,
  privateKeyOf,
  type TrustValues,
  trustedKeys,
  trustFlags,
} from './key.ts';
import { type KeyringValues, keyringFlags, keyringOf } from './keyring.ts';

/** Flags of every command that checks signatures. */
export const signatureFlags: typeof trustFlags &
  typeof keyringFlags & {
    readonly 'private-key': OptionalText;
    readonly 'private-key-env': OptionalText;
    readonly profile: ProfileFlag;
    readonly 'require-signature': { readonly type: 'boolean'; readonly summary: string };
  } = {
  ...trustFlags,
  ...keyringFlags,
  'private-key': {
    type: 'string',
    value: 'FILE',
    summary: 'Trust the public half of this private key. Prefer --public-key.',
  },
  'private-key-env': {
    type: 'string',
    value: 'NAME',
    summary: 'Environment variable that holds such a private key.',
  },
  profile: {
    type: 'string',
    value: 'PROFILE',
    default: 'standard',
    options: ['standard', 'strict'],
    summary: 'strict requires a signature by a trusted key, and a container exactly as gait writes it.',
  },
  'require-signature': {
    type: 'boolean',
    summary: 'Fail if it is unsigned, or if a signature cannot be verified.',
  },
};

interface ProfileFlag {
  readonly type: 'string';
  readonly value: string;
  readonly default: string;
  readonly options: readonly string[];
  readonly summary: string;
}

export interface PolicyValues extends TrustValues, KeyringValues, PrivateKeyValues {
  readonly profile: string;
  readonly 'require-signature': boolean;
}

/**
 * Whom to believe and how much to demand. A key that a flag names is believed for whatever it signed, unless the ring says
 * that it is revoked. Throws `public_key_missing` for a strict profile without a key, and for a ring without one.
 */
export function signatureDemandOf(
  flags: PolicyValues,
  io: Io,
): SignaturePolicy & { readonly strict: boolean } {
  const ring = keyringOf(flags, io);
  const believe = (publicKey: PublicKey, source: string): void =>
    ring.admit({ publicKey, purposes: ['pack', 'approver'], identities: [], source });
  for (const { publicKey, source } of trustedKeys(flags, io)) believe(publicKey, source);
  const strict = flags.profile === 'strict';
  if (flags['private-key'] !== undefined || flags['private-key-env'] !== undefined) {
    const { key, source, warnings, exposed } = privateKeyOf(flags, io);
    if (strict && exposed) throw exposedError(source);
    for (const warning of warnings) io.note(`warning: ${warning}`);
    believe(key.publicKey, source);
  }
  if (strict && ring.size === 0) {
    const hint = 'Give --public-key FILE, --public-key-env NAME, --trust-dir DIR or --keyring FILE.';
    throw invalidInput('public_key_missing', '--profile strict needs a public key to believe', hint);
  }
  return { trust: packTrust(ring, io.clock.now()), required: strict || flags['require-signature'], strict };
}
