import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import yauzl from 'yauzl';
import { canonicalize } from '../../src/core/canonical.ts';
import { sameExits } from './answers.ts';
import { type Case, corpusPath, VERSIONS } from './corpus.ts';
import type { Difference } from './difference.ts';
import { blanked, differingLeaves, type Json, parseFile } from './json_values.ts';
import type { CaseRun } from './run_case.ts';

/** One version's form of a file or of a member of a zip. */
interface Form {
  readonly bytes: Buffer | undefined;
  readonly volatile: readonly string[];
}

type Members = ReadonlyMap<string, Buffer>;

/** Differences in what the commands wrote. Nothing is compared unless some version ended them all alike. */
export async function differingFiles(one: Case, { dir, printed }: CaseRun): Promise<Difference[]> {
  const alike = VERSIONS.filter((version) => sameExits(one, printed, version));
  if (alike.length === 0) return [];
  const paths = new Set(alike.flatMap((version) => one.results[version].files.map(({ path }) => path)));
  const differences: Difference[] = [];
  for (const path of paths) {
    const forms = alike.map((version) => formOf(one, version, path));
    const found = await differingFile(path, forms, join(dir, path));
    differences.push(...found.map(({ name, note }) => differenceIn(one, `file ${name}`, note)));
  }
  return differences;
}

interface Found {
  readonly name: string;
  readonly note: string;
}

function differenceIn({ id, kind }: Case, what: string, note: string): Difference {
  return { kind, place: id, what, go: 'recorded', gait: 'another', note };
}

function formOf(one: Case, version: (typeof VERSIONS)[number], path: string): Form {
  const file = one.results[version].files.find((written) => written.path === path);
  if (file === undefined) return { bytes: undefined, volatile: [] };
  return { bytes: readFileSync(corpusPath(file.golden)), volatile: file.volatile ?? [] };
}

async function differingFile(path: string, forms: readonly Form[], ours: string): Promise<Found[]> {
  const mine = existsSync(ours) ? readFileSync(ours) : undefined;
  if (mine === undefined || !path.endsWith('.zip')) {
    if (forms.some((form) => agrees(path, form, mine, 'values'))) return [];
    return [{ name: path, note: explain(path, forms, mine) }];
  }
  let members: Members;
  try {
    members = await membersOf(mine);
  } catch (error) {
    return [{ name: path, note: `cannot be read: ${String(error)}` }];
  }
  return differingMembers(path, forms, members);
}

async function differingMembers(path: string, forms: readonly Form[], ours: Members): Promise<Found[]> {
  const theirs = await Promise.all(
    forms.flatMap(({ bytes, volatile }) =>
      bytes === undefined ? [] : [membersOf(bytes).then((members) => ({ members, volatile }))],
    ),
  );
  const names = new Set([...theirs.flatMap(({ members }) => [...members.keys()]), ...ours.keys()]);
  return [...names].sort().flatMap((name) => {
    const memberForms = theirs.map(({ members, volatile }) => ({
      bytes: members.get(name),
      volatile: volatile
        .filter((text) => text.startsWith(`${name}#`))
        .map((text) => text.slice(name.length + 1)),
    }));
    const mine = ours.get(name);
    if (memberForms.some((form) => agrees(name, form, mine, 'text'))) return [];
    return [{ name: `${path} ${name}`, note: explain(name, memberForms, mine) }];
  });
}

/** Members of a zip are held against the bytes (but for what is volatile), other JSON files against the values. */
function agrees(name: string, form: Form, mine: Buffer | undefined, by: 'text' | 'values'): boolean {
  const { bytes, volatile } = form;
  if (bytes === undefined || mine === undefined) return bytes === mine;
  if (bytes.equals(mine) || volatile.includes('*')) return true;
  if (by === 'text' && volatile.length === 0) return false;
  const [theirs, ours] = [comparable(name, bytes, volatile), comparable(name, mine, volatile)];
  if (theirs === undefined || ours === undefined) return false;
  const print = by === 'text' ? JSON.stringify : canonicalize;
  return print(theirs) === print(ours);
}

function comparable(name: string, bytes: Buffer, volatile: readonly string[]): Json | undefined {
  const document = /\.jsonl?$/.test(name) ? parseFile(name, bytes) : undefined;
  return document === undefined ? undefined : blanked(document, volatile);
}

/** What differs from the version that is closest. */
function explain(name: string, forms: readonly Form[], mine: Buffer | undefined): string {
  if (mine === undefined) return 'gait has none';
  const there = forms.filter(({ bytes }) => bytes !== undefined);
  if (there.length === 0) return `only gait has it (${mine.length} bytes)`;
  const leaves = there.flatMap(({ bytes = Buffer.alloc(0), volatile }) => {
    const [theirs, ours] = [comparable(name, bytes, volatile), comparable(name, mine, volatile)];
    return theirs === undefined || ours === undefined ? [] : [differingLeaves(ours, theirs)];
  });
  const closest = leaves.sort((a, b) => a.length - b.length)[0];
  const sizes = there.map(({ bytes }) => bytes?.length).join(' / ');
  if (closest === undefined || closest.length === 0) return `other bytes: ${sizes} → ${mine.length}`;
  const more = closest.length > 6 ? ` and ${closest.length - 6} more` : '';
  return closest.slice(0, 6).join('; ') + more;
}

async function membersOf(bytes: Buffer): Promise<Members> {
  const zip = await yauzl.fromBufferPromise(bytes);
  const members = new Map<string, Buffer>();
  for await (const entry of zip.eachEntry()) {
    members.set(entry.fileName, await buffer(await zip.openReadStreamPromise(entry)));
  }
  return members;
}
