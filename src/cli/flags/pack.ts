import { GaitError, invalidInput } from '../../core/errors.ts';
import { namedPath, type PathInput } from '../../host/read_json.ts';
import { PACK_TYPES } from '../../pack/kinds/kinds.ts';
import type { PackManifest } from '../../pack/manifest.ts';
import type { PackVerification, VerificationPolicy, VerifiedPack } from '../../pack/verified.ts';
import { verifyPack } from '../../pack/verify.ts';
import { openContainer } from '../../zip/reader.ts';
import type { ArgSpec, OptionalText } from '../command.ts';
import type { Io } from '../io.ts';
import { progressBar } from '../text/progress.ts';

export const PACK_OUTPUT = 'gait.pack.output';

/** A pack is named by the first argument or by --path. */
export const packArgs: readonly ArgSpec[] = [{ name: 'PATH', summary: 'the pack', required: false }];

export const pathFlag: OptionalText = {
  type: 'string',
  value: 'FILE',
  summary: 'Pack file, instead of the argument.',
};

/** Says what type a pack must be of. */
export const typeFlag: OptionalText & { readonly options: readonly string[] } = {
  type: 'string',
  value: 'TYPE',
  options: PACK_TYPES,
  summary: 'Fail unless the pack is of this type; guard is an evidence pack.',
};

export function pathOf(input: PathInput): string {
  return namedPath(input, 'pack', 'gait pack verify FILE');
}

/** Opens the pack that is named, verifies it with a progress bar where that is worth it, and closes it again. */
export async function openAndVerify(
  path: string,
  io: Io,
  policy: VerificationPolicy = {},
): Promise<VerifiedPack> {
  const container = await openContainer(path);
  const progress = progressBar('verifying', container.size, io.screen);
  try {
    const pack = verifyPack(container, { onBytes: progress.add, ...policy });
    container.assertUnchanged();
    return pack;
  } finally {
    progress.end();
    container.close();
  }
}

/** Throws `pack_type_other` when a pack that can be read is not of the type that was asked for. */
export function assertType(asked: string | undefined, { pack_type }: PackVerification, path: string): void {
  if (asked === undefined || pack_type === '' || asked === pack_type) return;
  throw new GaitError({
    code: 'pack_type_other',
    category: 'verification_failed',
    message: `${path} is a ${pack_type} pack, not a ${asked} pack`,
    hint: 'Leave --type out to check it as what it is.',
  });
}

/** A sound pack of an older producer: what happened cannot be folded from its events. */
export function noHistory(path: string, { producer_version }: PackManifest): GaitError {
  const hint = '`gait pack verify` shows what could be checked.';
  const message = `${path} verifies, but its producer (${producer_version}) kept no state in its events`;
  return invalidInput('history_missing', message, hint);
}
