import { GaitError } from '../../core/errors.ts';
import { openSource } from '../../files/file_source.ts';
import type { SessionState } from '../../run/session/session.ts';
import { verifyRunpack } from '../../run/verify.ts';
import { readContainer } from '../../zip/reader.ts';
import { chainPathOf, runpackOf } from './chain_files.ts';

/** Events are taken out only when the runpacks that keep them are there, whole. Throws `runpack_missing`. */
export function assertCovered(
  journal: string,
  { checkpoints, lastSequence, eventCount }: SessionState,
): void {
  const first = lastSequence - eventCount + 1;
  for (const checkpoint of checkpoints.filter(({ sequence_end }) => sequence_end >= first)) {
    const path = runpackOf(chainPathOf(journal), checkpoint);
    const why = runpackFault(path, checkpoint.manifest_digest);
    if (why === undefined) continue;
    throw new GaitError({
      code: 'runpack_missing',
      category: 'verification_failed',
      message: `nothing was taken out: checkpoint ${checkpoint.checkpoint_index} is to keep it, but ${why}`,
      hint: 'Put its runpack back beside the journal.',
      details: { path },
    });
  }
}

function runpackFault(path: string, digest: string): string | undefined {
  try {
    const { source, close } = openSource(path);
    try {
      const { verification } = verifyRunpack(readContainer(source));
      const [first] = verification.findings;
      if (first !== undefined) return `${path} does not verify: ${first.message}`;
      return verification.manifest_digest === digest ? undefined : `${path} is another runpack`;
    } finally {
      close();
    }
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    return error.message;
  }
}
