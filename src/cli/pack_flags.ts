import { invalidInput } from '../core/errors.ts';
import { type VerifiedPack, verifyPack } from '../pack/verify.ts';
import type { SignaturePolicy } from '../pack/verify_signatures.ts';
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
export async function openAndVerify(path: string, policy: SignaturePolicy = {}): Promise<VerifiedPack> {
  const container = await openContainer(path);
  try {
    return verifyPack(container, policy);
  } finally {
    container.close();
  }
}
