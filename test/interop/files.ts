import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import yauzl from 'yauzl';
import { type Case, corpusPath } from './corpus.ts';

/** Members of a zip by name. */
export type Members = ReadonlyMap<string, Buffer>;

/** A file, and its members when it is a zip that can be read. */
export interface Content {
  readonly bytes: Buffer;
  readonly members?: Members;
}

export type Files = ReadonlyMap<string, Content>;

/** A cache of the Go programs, which gait neither writes nor reads. */
export function isStateCache(path: string): boolean {
  return path.endsWith('.jsonl.state.json');
}

/** The files below `dir` that the commands of a case made or changed, by path, and the inputs that they removed. */
export async function writtenBelow(dir: string, one: Case): Promise<{ files: Files; deleted: string[] }> {
  const inputs = new Set(one.inputs);
  const there = new Set<string>();
  const files = new Map<string, Content>();
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name)
      .slice(dir.length + 1)
      .replaceAll('\\', '/');
    there.add(path);
    if (isStateCache(path)) continue;
    const bytes = readFileSync(join(dir, path));
    const before = inputs.has(path) ? readFileSync(corpusPath(`${one.dir}/${path}`)) : undefined;
    if (before?.equals(bytes) !== true) files.set(path, await contentOf(path, bytes));
  }
  return { files, deleted: one.inputs.filter((path) => !there.has(path) && !isStateCache(path)) };
}

export async function contentOf(path: string, bytes: Buffer): Promise<Content> {
  if (!path.endsWith('.zip')) return { bytes };
  try {
    return { bytes, members: await membersOf(bytes) };
  } catch {
    return { bytes };
  }
}

async function membersOf(bytes: Buffer): Promise<Members> {
  const zip = await yauzl.fromBufferPromise(bytes);
  const members = new Map<string, Buffer>();
  for await (const entry of zip.eachEntry()) {
    members.set(entry.fileName, await buffer(await zip.openReadStreamPromise(entry)));
  }
  return members;
}
