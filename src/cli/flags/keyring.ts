import { join } from 'node:path';
import { invalidInput } from '../../core/errors.ts';
import { readFileBytes } from '../../files/file_source.ts';
import { outDir } from '../../host/workspace/workspace.ts';
import { refuseKeyAsName } from '../../signing/key_files.ts';
import { Keyring } from '../../signing/keyring.ts';
import { MAX_KEYRING_BYTES, parseKeyring } from '../../signing/keyring_file.ts';
import type { OptionalText } from '../command.ts';
import type { Io } from '../io.ts';

/** Flag of every command that believes the keys of a ring. */
export const keyringFlags: { readonly keyring: OptionalText } = {
  keyring: {
    type: 'string',
    value: 'FILE',
    env: 'GAIT_KEYRING',
    summary: 'Trust the keys in this keyring, each for its purpose: a file such as `gait keys add` makes.',
  },
};

export interface KeyringValues {
  readonly keyring: string | undefined;
}

/**
 * The ring that `--keyring` or GAIT_KEYRING names; an empty one when neither does. A ring that merely lies in the
 * workspace is not believed: what runs there, an agent for one, can put it there. Throws `public_key_missing` for a ring
 * without a key, since whoever names a ring wants a check, and all that {@link parseKeyring} throws.
 */
export function keyringOf(flags: KeyringValues, io: Pick<Io, 'env'>): Keyring {
  const path = namedRing(flags, io.env);
  if (path === undefined) return new Keyring();
  const ring = parseKeyring(readFileBytes(path, MAX_KEYRING_BYTES), path);
  if (ring.size > 0) return ring;
  const hint = '`gait keys add` puts a key into it.';
  throw invalidInput('public_key_missing', `no key is in the keyring ${path}`, hint);
}

/** The path of `--keyring`, else of GAIT_KEYRING; undefined when neither names one. */
export function namedRing({ keyring }: KeyringValues, env: Io['env']): string | undefined {
  if (keyring === '') throw invalidInput('flag_value_invalid', '--keyring is empty', 'Give a file.');
  const path = keyring ?? env['GAIT_KEYRING'];
  if (path === undefined || path === '') return undefined;
  refuseKeyAsName(path);
  return path;
}

/** Flag of the commands that manage a ring. */
export const managedRingFlags: { readonly keyring: OptionalText } = {
  keyring: {
    type: 'string',
    value: 'FILE',
    env: 'GAIT_KEYRING',
    summary: 'Keyring file. By default ./gait-out/keys/keyring.json.',
  },
};

/** The ring to manage: the one that is named, else the one of the workspace. */
export function managedRing(flags: KeyringValues, { env }: Pick<Io, 'env'>): string {
  return namedRing(flags, env) ?? join(outDir(env), 'keys', 'keyring.json');
}
