import type { Files } from '../pack/forge.ts';

/** Whether nothing is another but the case of a digest of the manifest by itself, which is compared as hex. */
export function saysTheSame(files: Files, changed: Files, manifest: string, digest: string): boolean {
  const hex = new RegExp(`(?<="${digest}":")[0-9A-Fa-f]{64}`);
  const [one, other] = [files, changed].map((each) =>
    String(each.get(manifest)).replace(hex, (found) => found.toLowerCase()),
  );
  const others = [...changed].filter(([name]) => name !== manifest);
  return (
    changed.size === files.size &&
    one === other &&
    others.every(([name, bytes]) => files.get(name)?.equals(bytes) === true)
  );
}
