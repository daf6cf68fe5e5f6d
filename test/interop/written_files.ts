import { sameEnds } from './answers.ts';
import { type Case, VERSIONS } from './corpus.ts';
import type { Difference } from './difference.ts';
import { expectedFiles, placeOf } from './expected.ts';
import { type Content, type Files, writtenBelow } from './files.ts';
import { differingPlaces, parseFile } from './json_values.ts';
import type { CaseRun } from './run_case.ts';

/**
 * Differences in what the commands wrote from the version that is closest. Nothing is compared unless some version
 * ended them all alike.
 */
export async function differingFiles(one: Case, { dir, printed }: CaseRun): Promise<Difference[]> {
  const alike = VERSIONS.filter((version) => sameEnds(one, printed, version));
  const ours = await writtenBelow(dir, one);
  const found = await Promise.all(
    alike.map(async (version) => {
      const expected = await expectedFiles(one, version, ours.files);
      const deleted = one.results[version].deleted ?? [];
      return [...differingSets(expected, ours.files), ...differingDeletions(deleted, ours.deleted)];
    }),
  );
  const closest = found.sort((a, b) => a.length - b.length)[0] ?? [];
  return closest.map(({ name, go, gait }) => {
    return { kind: one.kind, place: one.id, what: `file ${name}`, go, gait, note: '' };
  });
}

interface Found {
  readonly name: string;
  readonly go: string;
  readonly gait: string;
}

/** What one set of files has otherwise than another. */
export function differingSets(expected: Files, ours: Files): Found[] {
  const found: Found[] = [];
  const extra = new Map(ours);
  for (const [path, content] of expected) {
    const place = placeOf(path, ours);
    const mine = ours.get(place ?? '');
    if (place !== path) found.push({ name: path, go: 'there', gait: place ?? 'absent' });
    if (place === undefined || mine === undefined) continue;
    extra.delete(place);
    found.push(...differingContents(path, content, mine));
  }
  return [...found, ...[...extra.keys()].map((name) => ({ name, go: 'absent', gait: 'there' }))];
}

function differingDeletions(theirs: readonly string[], ours: readonly string[]): Found[] {
  const kept = theirs.filter((path) => !ours.includes(path));
  const lost = ours.filter((path) => !theirs.includes(path));
  return [
    ...kept.map((name) => ({ name, go: 'removed', gait: 'kept' })),
    ...lost.map((name) => ({ name, go: 'kept', gait: 'removed' })),
  ];
}

function differingContents(path: string, expected: Content, ours: Content): Found[] {
  const [theirs, mine] = [expected.members, ours.members];
  if (theirs === undefined) return differingDocuments(path, expected.bytes, ours.bytes);
  if (mine === undefined) return [{ name: path, go: 'a zip', gait: 'no zip' }];
  return [...new Set([...theirs.keys(), ...mine.keys()])].sort().flatMap((member) => {
    const name = `${path} ${member}`;
    const [there, here] = [theirs.get(member), mine.get(member)];
    if (there === undefined || here === undefined)
      return [{ name, go: presence(there), gait: presence(here) }];
    const places = differingDocuments(name, there, here);
    // Members are what digests are of: equal values are not enough.
    return places.length > 0 || there.equals(here) ? places : [otherBytes(name, there, here)];
  });
}

/** Where two JSON documents differ by value, each with its pointer; other files differ as a whole. */
function differingDocuments(name: string, expected: Buffer, ours: Buffer): Found[] {
  if (expected.equals(ours)) return [];
  const [theirs, mine] = [parseFile(name, expected), parseFile(name, ours)];
  if (theirs === undefined || mine === undefined) return [otherBytes(name, expected, ours)];
  return differingPlaces(theirs, mine).map(([pointer, go, gait]) => ({
    name: `${name}#${pointer}`,
    go,
    gait,
  }));
}

function otherBytes(name: string, expected: Buffer, ours: Buffer): Found {
  return { name, go: `${expected.length} bytes`, gait: `${ours.length} other bytes` };
}

function presence(bytes: Buffer | undefined): string {
  return bytes === undefined ? 'absent' : 'there';
}
