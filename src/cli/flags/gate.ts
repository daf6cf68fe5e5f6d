import { type GaitError, invalidInput } from '../../core/errors.ts';
import { type GateSaid, type GateSettings, gateSettings, PROFILES } from '../../gate/context.ts';
import { readPrivateKey, readPublicKey } from '../../signing/key_files.ts';
import type { KeyPurpose, Keyring } from '../../signing/keyring.ts';
import { parsePrivateKey, parsePublicKey } from '../../signing/keys.ts';
import type { FlagSpec, OptionalText } from '../command.ts';
import { milliseconds } from '../duration.ts';
import type { Io } from '../io.ts';
import { type PrivateKeyValues, privateKeyOf, type TrustValues, trustedKeys, variable } from './key.ts';
import { type KeyringValues, keyringOf } from './keyring.ts';

export interface Repeatable {
  readonly type: 'strings';
  readonly value: string;
  readonly summary: string;
}

type Flag = FlagSpec & { readonly type: 'string' };

/** How careful a gate is, and what it is called. */
export const gateFlags: {
  readonly profile: Flag & { readonly default: string };
  readonly audience: OptionalText;
  readonly 'max-token-lifetime': OptionalText;
} = {
  profile: {
    type: 'string',
    value: 'PROFILE',
    default: 'standard',
    options: PROFILES,
    summary:
      'Profile: oss-prod requires a key of your own, approvals and delegations by named keys, and a ' +
      'credential for every high-risk call.',
  },
  audience: {
    type: 'string',
    value: 'NAME',
    summary: 'Name of this gate. A token for another gate is not accepted.',
  },
  'max-token-lifetime': {
    type: 'string',
    value: 'TIME',
    summary: 'Longest lifetime of a token: 1h, 7d. By default unlimited; at most 24h under oss-prod.',
  },
};

export function settingsOf(
  flags: {
    readonly profile: string;
    readonly audience: string | undefined;
    readonly home?: string | undefined;
    readonly 'max-token-lifetime': string | undefined;
  },
  place?: GateSaid['place'],
): GateSettings {
  const profile = optionOf(flags.profile, PROFILES, 'profile');
  const { audience, home, 'max-token-lifetime': lifetime } = flags;
  const asked = lifetime === undefined ? undefined : milliseconds(lifetime, 'max-token-lifetime');
  return gateSettings({ profile, audience, home, maxTokenLifetimeMs: asked, place });
}

/** Whom a gate believes, beside its keyring: the names of the flags of the earlier programs. */
export const believedFlags: BelievedTable<'approval' | 'delegation'> = {
  ...believed('approval', 'approvals'),
  ...believed('delegation', 'delegations'),
};

function believed<K extends string>(kind: K, what: string): BelievedTable<K> {
  const text = (value: string, summary: string): OptionalText => ({ type: 'string', value, summary });
  return {
    [`${kind}-public-key`]: {
      type: 'strings',
      value: 'FILE',
      summary: `Trust ${what} signed by this public key. Repeatable.`,
    },
    [`${kind}-public-key-env`]: text('NAME', 'Environment variable that holds such a key.'),
    [`${kind}-private-key`]: text(
      'FILE',
      `Trust ${what} by the public half of this private key. Not under oss-prod: a gate that holds it could approve by itself.`,
    ),
    [`${kind}-private-key-env`]: text('NAME', 'Environment variable that holds such a private key.'),
  } as BelievedTable<K>;
}

type BelievedTable<K extends string> = { readonly [P in `${K}-public-key`]: Repeatable } & {
  readonly [P in `${K}-public-key-env` | `${K}-private-key` | `${K}-private-key-env`]: OptionalText;
};

export interface BelievedValues {
  readonly 'approval-public-key': readonly string[];
  readonly 'approval-public-key-env': string | undefined;
  readonly 'approval-private-key': string | undefined;
  readonly 'approval-private-key-env': string | undefined;
  readonly 'delegation-public-key': readonly string[];
  readonly 'delegation-public-key-env': string | undefined;
  readonly 'delegation-private-key': string | undefined;
  readonly 'delegation-private-key-env': string | undefined;
}

/** Admits to a ring the keys that flags name for approvals and delegations. */
export function admitBelieved(keyring: Keyring, flags: BelievedValues, profile: string, io: Io): void {
  for (const [kind, purpose] of KINDS) {
    for (const path of flags[`${kind}-public-key`]) {
      admit(keyring, readPublicKey(path), purpose, `path:${path}`);
    }
    const name = flags[`${kind}-public-key-env`];
    if (name !== undefined) {
      admit(keyring, parsePublicKey(variable(name, io), `the variable ${name}`), purpose, `env:${name}`);
    }
    const [file, env] = [flags[`${kind}-private-key`], flags[`${kind}-private-key-env`]];
    if ((file ?? env) !== undefined && profile === 'oss-prod') throw holdsPrivateKey(kind);
    if (file !== undefined) admit(keyring, readPrivateKey(file).key.publicKey, purpose, `path:${file}`);
    if (env !== undefined) {
      const { publicKey } = parsePrivateKey(variable(env, io), `the variable ${env}`);
      admit(keyring, publicKey, purpose, `env:${env}`);
    }
  }
}

const KINDS = [
  ['approval', 'approver'],
  ['delegation', 'delegator'],
] as const;

function admit(keyring: Keyring, publicKey: Buffer, purpose: KeyPurpose, source: string): void {
  keyring.admit({ publicKey, purposes: [purpose], identities: [], source });
}

function holdsPrivateKey(kind: string): GaitError {
  return invalidInput(
    'profile_incomplete',
    `the oss-prod profile takes no private key to check ${kind}s with: who holds it could make them`,
    `Give --${kind}-public-key.`,
  );
}

/** Keys that are believed for traces: those of the flags that all verifying commands have. Throws `public_key_missing`. */
export function gateRingOf(
  flags: TrustValues & PrivateKeyValues & KeyringValues,
  io: Io,
  purpose: KeyPurpose = 'gate',
): Keyring {
  const keyring = keyringOf(flags, io);
  for (const { publicKey, source } of trustedKeys(flags, io)) admit(keyring, publicKey, purpose, source);
  if (flags['private-key'] !== undefined || flags['private-key-env'] !== undefined) {
    const { key, source } = privateKeyOf(flags, io);
    admit(keyring, key.publicKey, purpose, source);
  }
  if (keyring.size > 0) return keyring;
  const hint = 'Give --public-key FILE, --public-key-env NAME, --trust-dir DIR or --keyring FILE.';
  throw invalidInput('public_key_missing', 'it takes a public key to check a signature', hint);
}

/** A value that a flag or a file of settings gives, which must be one of these. Throws `flag_value_invalid`. */
export function optionOf<T extends string>(value: string, allowed: readonly T[], flag: string): T {
  const found = allowed.find((one) => one === value.trim().toLowerCase());
  if (found !== undefined) return found;
  const hint = `Possible: ${allowed.join(', ')}.`;
  throw invalidInput('flag_value_invalid', `--${flag} is ${JSON.stringify(value.slice(0, 40))}`, hint);
}
