import type { JsonObject } from '../core/json.ts';
import type { Found, Report } from '../core/report.ts';
import { NEVER } from '../core/time.ts';
import { LISTED_MEMBERS, RUN_MANIFEST_MEMBER } from '../run/documents.ts';
import { readDocument, timeFindings } from '../schema/documents.ts';
import validateManifest from '../schema/generated/pack_manifest.js';
import { type Compared, type Contents, compareDeclared, strangerFindings } from '../zip/contents.ts';
import { EVENTS_MEMBER, LEDGER_MEMBER, PAYLOAD_MEMBER, STATE_MEMBER } from './job_members.ts';
import { entryType, MANIFEST_MEMBER, type PackManifest, packIdOf } from './manifest.ts';
import { PROOF_MEMBER } from './proof_records.ts';
import { ENVELOPE_MEMBER, RUN_PAYLOAD_MEMBER, SOURCE_MEMBER } from './run_members.ts';

/** All that may stand in a pack of a type, beside its manifest. */
const MEMBERS: Readonly<Record<PackManifest['pack_type'], readonly string[]>> = {
  job: [EVENTS_MEMBER, LEDGER_MEMBER, PAYLOAD_MEMBER, PROOF_MEMBER, STATE_MEMBER],
  run: [ENVELOPE_MEMBER, PROOF_MEMBER, RUN_PAYLOAD_MEMBER, SOURCE_MEMBER],
};

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
export function compareContents(manifest: PackManifest, contents: Contents, report: Report): Compared {
  const expected = packIdOf(manifest);
  const actual = manifest.pack_id;
  const message = `pack_id is ${actual}, the manifest makes ${expected}`;
  const differs = { code: 'pack_id_mismatch', message, member: MANIFEST_MEMBER, expected, actual };
  report.settle('pack_id', actual.toLowerCase() === expected ? [] : [differs]);
  return compareDeclared(MANIFEST_MEMBER, manifest.contents, contents, report, [
    ...typeFindings(manifest),
    ...strangers(manifest),
  ]);
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

function strangers({ pack_type, contents }: PackManifest): Found[] {
  const known = [MANIFEST_MEMBER, ...MEMBERS[pack_type]];
  const paths = contents.map(({ path }) => path);
  return strangerFindings(`${pack_type} pack`, paths, (path) => known.includes(path));
}

/** Evidence packs hold what their templates ask for, but nothing by which another reader takes them for something else. */
export function guardStrangers(paths: readonly string[]): Found[] {
  return strangerFindings('guard pack', paths, (path) => !ELSEWHERE.has(path));
}

/** The members that packs of other types and runpacks have. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  ...Object.values(MEMBERS).flat(),
  RUN_MANIFEST_MEMBER,
  ...LISTED_MEMBERS,
]);
