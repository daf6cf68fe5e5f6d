import { parseCanonical } from '../../../core/canonical.ts';
import { isJsonObject } from '../../../core/json.ts';
import { MAX_MANIFEST_BYTES } from '../../../core/limits.ts';
import { readMember } from '../../../zip/reader.ts';
import { MANIFEST_MEMBER } from '../../manifest.ts';
import { type EarlierKind, NO_DOCUMENTS } from '../kind.ts';
import { inspectGuardPack } from './inspect.ts';
import { GUARD_SCHEMA_ID, verifyGuardPack } from './verify.ts';

export const GUARD_KIND: EarlierKind = {
  type: 'guard',
  legacy: 'guard',
  isOf(container) {
    const member = container.members.find(({ name }) => name === MANIFEST_MEMBER);
    if (!container.intact || member === undefined) return false;
    try {
      const { bytes } = readMember(container, member, { keep: true, limit: MAX_MANIFEST_BYTES });
      const value = bytes === undefined ? null : parseCanonical(bytes);
      return isJsonObject(value) && value['schema_id'] === GUARD_SCHEMA_ID;
    } catch {
      return false;
    }
  },
  verify(container, policy) {
    const { verification, manifest } = verifyGuardPack(container, policy);
    return { verification, documents: NO_DOCUMENTS, ...(manifest === undefined ? {} : { guard: manifest }) };
  },
  declared: ({ guard }) => guard?.contents ?? [],
  stated: ({ guard }) => [MANIFEST_MEMBER, guard ?? {}],
  inspect: ({ guard }) => (guard === undefined ? undefined : inspectGuardPack(guard)),
  compare: () => undefined,
};
