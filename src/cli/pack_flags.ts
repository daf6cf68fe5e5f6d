import { type GaitError, invalidInput } from '../core/errors.ts';
import type { PackManifest } from '../pack/manifest.ts';
import { type VerificationPolicy, type VerifiedPack, verifyPack } from '../pack/verify.ts';
import { openContainer } from '../zip/reader.ts';
import type { ArgSpec, OptionalText } from './command.ts';

export const PACK_OUTPUT = 'gait.pack.output';

/** A pack is named by the first argument or by --path. */
export const packArgs: readonly ArgSpec[] = [{ name: 'PATH', summary: 'the pack', required: false }];

export const pathFlag: OptionalText = {
  type: 'string',
  value: 'FILE',
  summary: 'The pack, in place of the argument.',
};

export function pathOf(input: {
  readonly flags: { readonly path: string | undefined };
  readonly args: readonly string[];
}): string {
  const [argument] = input.args;
  const { path } = input.flags;
  if (argument !== undefined && path !== undefined) {
    throw invalidInput('argument_unexpected', 'the pack is given twice, as an argument and by --path');
  }
  const given = argument ?? path;
  if (given === undefined || given === '') {
    throw invalidInput('argument_missing', 'no pack is given', 'Name the file: gait pack verify FILE.');
  }
  return given;
}

/** Opens the pack that is named, verifies it, and closes it again. */
export async function openAndVerify(path: string, policy: VerificationPolicy = {}): Promise<VerifiedPack> {
  const container = await openContainer(path);
  try {
    return verifyPack(container, policy);
  } finally {
    container.close();
  }
}

/** A sound pack of an older producer: what happened cannot be folded from its events. */
export function noHistory(path: string, { producer_version }: PackManifest): GaitError {
  const hint = '`gait pack verify` shows what could be checked.';
  const message = `${path} verifies, but its producer (${producer_version}) kept no state in its events`;
  return invalidInput('history_missing', message, hint);
}
