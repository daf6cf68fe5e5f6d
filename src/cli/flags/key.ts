import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GaitError, invalidInput } from '../../core/errors.ts';
import { outDir } from '../../host/workspace/workspace.ts';
import {
  keptKey,
  keyPaths,
  publicKeyFiles,
  readPrivateKey,
  readPublicKey,
  refuseKeyAsName,
} from '../../signing/key_files.ts';
import { type PublicKey, parsePrivateKey, parsePublicKey, type SigningKey } from '../../signing/keys.ts';
import { TrustSet } from '../../signing/trust.ts';
import type { FlagSpec, OptionalText } from '../command.ts';
import type { Io } from '../io.ts';

/** Where a private key comes from. */
export const privateKeyFlags: {
  readonly 'private-key': OptionalText;
  readonly 'private-key-env': OptionalText;
} = {
  'private-key': {
    type: 'string',
    value: 'FILE',
    summary: 'Private key to sign with: a file such as `gait keys init` makes.',
  },
  'private-key-env': {
    type: 'string',
    value: 'NAME',
    summary: 'Environment variable that holds the private key, instead of a file.',
  },
};

interface RepeatableText {
  readonly type: 'strings';
  readonly value: string;
  readonly summary: string;
}

/** Whom a reader believes. */
export const trustFlags: {
  readonly 'public-key': RepeatableText;
  readonly 'public-key-env': OptionalText;
  readonly 'trust-dir': OptionalText;
} = {
  'public-key': { type: 'strings', value: 'FILE', summary: 'Trust this public key. Repeatable.' },
  'public-key-env': {
    type: 'string',
    value: 'NAME',
    summary: 'Trust the public key in this environment variable.',
  },
  'trust-dir': {
    type: 'string',
    value: 'DIR',
    summary: 'Trust every public key in this directory: *_public.key and *.pub.',
  },
};

/** The same for captures, which are signed when a key is named. */
export const captureKeyFlag: FlagSpec & { readonly type: 'string' } = {
  type: 'string',
  value: 'MODE',
  options: ['dev', 'prod'],
  summary:
    'Sign with the workspace’s dev key (dev), or a key of your own (prod). Not signed by default; ' +
    '--private-key implies prod.',
};

/** How careful to be with the private key. */
export const signingProfileFlag: FlagSpec & { readonly type: 'string' } = {
  type: 'string',
  value: 'PROFILE',
  options: ['standard', 'strict', 'oss-prod'],
  summary: 'strict and oss-prod refuse to sign with a private key that others can read.',
};

export const KEY_MODES: readonly string[] = ['none', 'dev', 'prod'];

export const keyModeFlag: FlagSpec & { readonly type: 'string' } = {
  type: 'string',
  value: 'MODE',
  options: KEY_MODES,
  summary:
    'Sign with no key (none), the workspace’s dev key (dev), or a key of your own (prod). --private-key ' +
    'implies prod.',
};

/** Who has to sign takes the dev key of the workspace unless a key is given. */
export const signingModeFlag: FlagSpec & { readonly type: 'string' } = {
  type: 'string',
  value: 'MODE',
  options: ['dev', 'prod'],
  summary:
    'Sign with the workspace’s dev key (dev), or a key of your own (prod). --private-key implies prod.',
};

/** `dev` or `prod`, as the flag says, or as a private key that is given means. Throws `flag_value_invalid`. */
export function signingMode(
  flags: PrivateKeyValues & { readonly 'key-mode': string | undefined },
): 'dev' | 'prod' {
  const given = flags['private-key'] !== undefined || flags['private-key-env'] !== undefined;
  const mode = flags['key-mode'] ?? (given ? 'prod' : 'dev');
  if (mode === 'dev' || mode === 'prod') return mode;
  throw invalidInput('flag_value_invalid', `--key-mode is ${JSON.stringify(mode)}`, 'Possible: dev, prod.');
}

/** The key of {@link signingMode}: there always is one. */
export function modeSigner(
  flags: PrivateKeyValues & { readonly 'key-mode': string | undefined; readonly profile?: string },
  io: Io,
): Signer {
  const signer = signerOf(signingMode(flags), flags, io);
  if (signer === undefined) throw new Error('either mode makes a signer');
  return signer;
}

export interface PrivateKeyValues {
  readonly 'private-key': string | undefined;
  readonly 'private-key-env': string | undefined;
}

export interface TrustValues {
  readonly 'public-key': readonly string[];
  readonly 'public-key-env': string | undefined;
  readonly 'trust-dir': string | undefined;
}

/** A key to sign with, where it is from, and what its user should know about it. */
export interface Signer {
  readonly key: SigningKey;
  readonly source: string;
  readonly warnings: readonly string[];
  /** Others can read the file that it is from. */
  readonly exposed: boolean;
}

/** The key to sign with that the flags name; undefined for none. Careful profiles refuse an exposed one. */
export function signerOf(
  mode: string | undefined,
  flags: PrivateKeyValues & { readonly profile?: string | undefined },
  io: Io,
): Signer | undefined {
  const signer = namedSigner(mode, flags, io);
  if (signer?.exposed === true && (flags.profile ?? 'standard') !== 'standard')
    throw exposedError(signer.source);
  if (signer !== undefined && mode !== 'dev' && (flags.profile ?? 'standard') !== 'standard')
    refuseDevKey(signer, io);
  return signer;
}

function namedSigner(mode: string | undefined, flags: PrivateKeyValues, io: Io): Signer | undefined {
  const given = flags['private-key'] !== undefined || flags['private-key-env'] !== undefined;
  if (mode === 'dev') {
    if (given) throw conflict('--key-mode dev signs with the key of the workspace and takes no private key');
    return devSigner(io);
  }
  if (mode === 'prod' || given) return privateKeyOf(flags, io);
  return undefined;
}

/** The private key of `--private-key` or `--private-key-env`, exactly one of which must be given. */
export function privateKeyOf(flags: PrivateKeyValues, io: Io): Signer {
  const { 'private-key': path, 'private-key-env': name } = flags;
  if (path !== undefined && name !== undefined) {
    throw conflict('--private-key and --private-key-env exclude each other');
  }
  if (path !== undefined) {
    const { key, exposed } = readPrivateKey(path);
    return { key, source: `path:${path}`, warnings: exposed ? [exposedWarning(path)] : [], exposed };
  }
  if (name === undefined) {
    const hint = 'Give --private-key FILE or --private-key-env NAME.';
    throw invalidInput('private_key_missing', 'no private key is given', hint);
  }
  const key = parsePrivateKey(variable(name, io), `the variable ${name}`);
  return { key, source: `env:${name}`, warnings: [], exposed: false };
}

/** The keys that the flags name. Empty when they name none: nothing is then believed. */
export function trustOf(flags: TrustValues, io: Io): TrustSet {
  const trust = new TrustSet();
  for (const { publicKey, source } of trustedKeys(flags, io)) trust.admit(publicKey, source);
  return trust;
}

/** The same keys one by one, each with where it is from. */
export function trustedKeys(
  flags: TrustValues,
  io: Io,
): { readonly publicKey: PublicKey; readonly source: string }[] {
  const name = flags['public-key-env'];
  const dir = flags['trust-dir'];
  const inFile = (path: string) => ({ publicKey: readPublicKey(path), source: `path:${path}` });
  const inVariable = (named: string) => {
    return {
      publicKey: parsePublicKey(variable(named, io), `the variable ${named}`),
      source: `env:${named}`,
    };
  };
  return [
    ...flags['public-key'].map(inFile),
    ...(name === undefined ? [] : [inVariable(name)]),
    ...(dir === undefined ? [] : trustedFiles(dir).map(inFile)),
  ];
}

/** Whoever names a directory of keys wants a check: one without keys is no check. */
function trustedFiles(dir: string): string[] {
  const files = publicKeyFiles(dir);
  if (files.length > 0) return files;
  throw invalidInput('public_key_missing', `no *_public.key and no *.pub in ${dir}`);
}

/** The key of the workspace is nobody's own, by whatever flag it is named. */
function refuseDevKey({ key, source }: Signer, io: Io): void {
  const { publicKey: path } = keyPaths(join(outDir(io.env), 'keys'), 'dev');
  if (!existsSync(path) || !readPublicKey(path).equals(key.publicKey)) return;
  const hint = 'Make a key of your own with `gait keys init`, outside the workspace.';
  throw invalidInput('profile_incomplete', `${source} is the dev key of this workspace`, hint);
}

/** The key that `--key-mode dev` signs with: made once, kept in the workspace, and known for what it is. */
function devSigner(io: Io): Signer {
  const paths = keyPaths(join(outDir(io.env), 'keys'), 'dev');
  const warning = `signed with the dev key of this workspace; verify with --public-key ${paths.publicKey}, and trust it no further`;
  const { key, exposed } = keptKey(paths);
  const warnings = exposed ? [warning, exposedWarning(paths.privateKey)] : [warning];
  return { key, source: `path:${paths.privateKey}`, warnings, exposed };
}

/** What a careful profile answers to a private key that others can read. */
export function exposedError(source: string): GaitError {
  return new GaitError({
    code: 'private_key_exposed',
    category: 'unsafe_operation',
    message: `others can read the private key ${source.replace(/^path:/, '')}, and this profile refuses such a key`,
    hint: 'Make a new pair with `gait keys init`: others may have this one.',
  });
}

function exposedWarning(path: string): string {
  return `others can read the private key ${path}; make it yours alone: chmod 600 ${path}`;
}

export function variable(name: string, io: Io): string {
  refuseKeyAsName(name);
  const text = Object.hasOwn(io.env, name) ? (io.env[name]?.trim() ?? '') : '';
  if (text !== '') return text;
  throw invalidInput('key_missing', `the environment variable ${name} is not set`);
}

function conflict(message: string): GaitError {
  return invalidInput('flags_conflict', message);
}
