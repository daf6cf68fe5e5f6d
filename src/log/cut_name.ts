/** `cut-after-<revision>-<digest>.bin`; a number stands behind the digest where that name was taken. */
const CUT_FILE = /^cut-after-(\d{1,15})-([0-9a-f]{16})(?:-\d+)?\.bin$/;

/** What the name of a kept cut begins with: the last revision before it, and its digest. */
export function cutStem(revision: number, sha256: string): string {
  return `cut-after-${revision}-${sha256.slice(0, 16)}`;
}

/** The last revision before what a file keeps; undefined for one that keeps no cut. */
export function cutRevision(name: string): number | undefined {
  const [, revision] = CUT_FILE.exec(name) ?? [];
  return revision === undefined ? undefined : Number(revision);
}

/** Whether a file of this name can keep the bytes of this digest that were cut after this revision. */
export function mayKeep(name: string, revision: number, sha256: string): boolean {
  return cutRevision(name) === revision && name.startsWith(cutStem(revision, sha256));
}
