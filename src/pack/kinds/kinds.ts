import type { VerifiedPack } from '../verified.ts';
import { GUARD_KIND } from './guard/kind.ts';
import { JOB_KIND } from './job/kind.ts';
import type { EarlierKind, PackKind, PayloadKind } from './kind.ts';
import { RUN_KIND, RUNPACK_KIND } from './run/kind.ts';

/** The kinds of PackSpec v1. A pack whose manifest cannot be read is told of as one of the first. */
export const PAYLOAD_KINDS: readonly PayloadKind[] = [JOB_KIND, RUN_KIND];

/** The kinds from before it. */
export const EARLIER_KINDS: readonly EarlierKind[] = [RUNPACK_KIND, GUARD_KIND];

const PACK_KINDS: readonly PackKind[] = [...PAYLOAD_KINDS, ...EARLIER_KINDS];

/** What `--type` may ask for. */
export const PACK_TYPES: readonly string[] = [...new Set(PACK_KINDS.map(({ type }) => type))];

/** The kind of a pack whose manifest could be read. */
export function kindOf({ verification: { pack_type, legacy_type } }: VerifiedPack): PackKind | undefined {
  return PACK_KINDS.find(({ type, legacy }) => type === pack_type && legacy === legacy_type);
}

/** The same for one with a manifest of its own. */
export function earlierKindOf(pack: VerifiedPack): EarlierKind | undefined {
  return EARLIER_KINDS.find((kind) => kind === kindOf(pack));
}
