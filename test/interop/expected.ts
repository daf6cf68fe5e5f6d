import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Document, jcs } from '../pack/forge.ts';
import { madeByGait } from './as_gait.ts';
import { type Case, corpusPath, type Version, type WrittenFile } from './corpus.ts';
import { PACK_MANIFEST, packIdOver, RUN_MANIFEST, withCheckpoints, withDigests } from './derived.ts';
import { type Content, contentOf, type Files, isStateCache, type Members } from './files.ts';
import { filledIn, isObject, type Json, parseFile } from './json_values.ts';

/**
 * The files that a version recorded, as gait has to write them: with what gait has at the places that change from one
 * recording to the next, with gait for the maker of what is new, and with the digests and ids that follow from that.
 */
export async function expectedFiles(one: Case, version: Version, ours: Files): Promise<Files> {
  const allNew = one.inputs.length === 0;
  const expected = new Map<string, Content>();
  for (const file of one.results[version].files) {
    if (isStateCache(file.path)) continue;
    const golden = await contentOf(file.path, readFileSync(corpusPath(file.golden)));
    const [path, content] =
      golden.members === undefined
        ? [file.path, { bytes: expectedFile(file, golden.bytes, ours, allNew) }]
        : expectedZip(file, golden.members, ours, allNew);
    expected.set(path, content);
  }
  return expected;
}

/** The file at this path, or the only one of that name. */
export function placeOf(path: string, ours: Files): string | undefined {
  if (ours.has(path)) return path;
  const others = [...ours.keys()].filter((other) => basename(other) === basename(path));
  return others.length === 1 ? others[0] : undefined;
}

function expectedFile(file: WrittenFile, golden: Buffer, ours: Files, allNew: boolean): Buffer {
  const mine = ours.get(file.path)?.bytes;
  const document = expectedDocument(file.path, golden, file.volatile ?? [], mine, allNew);
  if (document === undefined)
    return file.volatile?.includes('*') === true && mine !== undefined ? mine : golden;
  return printed(file.path, withCheckpoints(document, documentIn(file.path, mine), ours));
}

function expectedZip(file: WrittenFile, golden: Members, ours: Files, allNew: boolean): [string, Content] {
  const here = ours.get(placeOf(file.path, ours) ?? '')?.members;
  const members = new Map(
    [...golden].map(([name, bytes]) => [name, expectedMember(file, name, bytes, here, allNew)]),
  );
  const pack = documentIn(PACK_MANIFEST, members.get(PACK_MANIFEST));
  const recorded = documentIn(PACK_MANIFEST, golden.get(PACK_MANIFEST));
  // A pack has its id in its name.
  const path =
    isObject(pack) && isObject(recorded)
      ? file.path.replace(String(recorded['pack_id']), packIdOver(pack, members))
      : file.path;
  const there = ours.get(placeOf(path, ours) ?? '')?.members;
  for (const name of [PACK_MANIFEST, RUN_MANIFEST]) {
    const [manifest, own] = [documentIn(name, members.get(name)), documentIn(name, there?.get(name))];
    if (there === undefined || !isObject(manifest) || !isObject(own)) continue;
    members.set(name, Buffer.from(jcs(withDigests(name, manifest as Document, own as Document, there))));
  }
  return [path, { bytes: Buffer.alloc(0), members }];
}

function expectedMember(
  { volatile = [] }: WrittenFile,
  name: string,
  golden: Buffer,
  ours: Members | undefined,
  allNew: boolean,
): Buffer {
  const own = volatile
    .filter((text) => text.startsWith(`${name}#`))
    .map((text) => text.slice(name.length + 1));
  // The manifest of a pack is never carried over.
  const document = expectedDocument(name, golden, own, ours?.get(name), allNew || name === PACK_MANIFEST);
  return document === undefined ? golden : printed(name, document);
}

function expectedDocument(
  name: string,
  golden: Buffer,
  volatile: readonly string[],
  ours: Buffer | undefined,
  allNew: boolean,
): Json | undefined {
  const [theirs, mine] = [documentIn(name, golden), documentIn(name, ours)];
  return theirs === undefined ? undefined : madeByGait(filledIn(theirs, volatile, mine), mine, allNew);
}

function documentIn(name: string, bytes: Buffer | undefined): Json | undefined {
  return bytes === undefined ? undefined : parseFile(name, bytes);
}

function printed(name: string, document: Json): Buffer {
  if (!name.endsWith('.jsonl')) return Buffer.from(jcs(document));
  return Buffer.from((document as Json[]).map((line) => `${jcs(line)}\n`).join(''));
}
