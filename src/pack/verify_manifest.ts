import type { JsonObject } from '../core/json.ts';
import type { Found, Report } from '../core/report.ts';
import { NEVER } from '../core/time.ts';
import { RUN_MANIFEST_MEMBER } from '../run/documents.ts';
import { readDocument, timeFindings } from '../schema/documents.ts';
import validateManifest from '../schema/generated/pack_manifest.js';
import { type Compared, type Contents, compareDeclared } from '../zip/contents.ts';
import { entryType, MANIFEST_MEMBER, type PackManifest, packIdOf } from './manifest.ts';

/** The manifest of a pack. Settles `manifest_schema`. */
export function readManifest(bytes: Buffer | undefined, report: Report): PackManifest | undefined {
  if (bytes === undefined) {
    const message = `there is no ${MANIFEST_MEMBER}, and no ${RUN_MANIFEST_MEMBER} of a runpack`;
    report.settle('manifest_schema', [{ code: 'manifest_missing', message, member: MANIFEST_MEMBER }]);
    return undefined;
  }
  const { value, finding } = readDocument(MANIFEST_MEMBER, bytes, validateManifest);
  const found = finding === undefined ? timeFindings(MANIFEST_MEMBER, value) : [finding];
  report.settle('manifest_schema', [...found, ...zeroTime(value)]);
  return value as unknown as PackManifest | undefined;
}

/** A time that nobody set is no time. */
function zeroTime(manifest: JsonObject | undefined): Found[] {
  if (manifest === undefined || manifest['created_at'] !== NEVER) return [];
  const message = `${MANIFEST_MEMBER}: created_at was never set`;
  return [{ code: 'not_a_time', message, member: MANIFEST_MEMBER }];
}

/** Holds what is there against what the manifest declares. Settles `pack_id`, `member_digests`, `nothing_undeclared`. */
export function compareContents(
  manifest: PackManifest,
  contents: Contents,
  strict: boolean | undefined,
  report: Report,
): Compared {
  const expected = packIdOf(manifest);
  const actual = manifest.pack_id;
  const message = `pack_id is ${actual}, the manifest makes ${expected}`;
  const differs = { code: 'pack_id_mismatch', message, member: MANIFEST_MEMBER, expected, actual };
  report.settle('pack_id', actual.toLowerCase() === expected ? [] : [differs]);
  const comparison = { type: manifest.pack_type, strict, others: typeFindings(manifest) };
  return compareDeclared(MANIFEST_MEMBER, manifest.contents, contents, report, comparison);
}

/** Each member is declared with the type that its name says. */
function typeFindings({ contents }: PackManifest): Found[] {
  return contents.flatMap(({ path: member, type: actual }) => {
    const expected = entryType(member);
    if (actual === expected) return [];
    const message = `${member} is declared as ${actual}, its name says ${expected}`;
    return [{ code: 'declared_type', message, member, expected, actual }];
  });
}
