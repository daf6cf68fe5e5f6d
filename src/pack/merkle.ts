import { sha256 } from '../core/digest.ts';

const LEAF = Buffer.from([0x00]);
const NODE = Buffer.from([0x01]);

/** The Merkle tree hash over leaves that come one at a time. RFC 6962 §2.1. Holds one hash for each level. */
export class MerkleTree {
  /** The roots of the full trees, the largest first; no two of one size. */
  readonly #roots: { readonly hash: Buffer; readonly leaves: number }[] = [];

  add(leaf: Uint8Array): void {
    let tree = { hash: sha256(LEAF, leaf), leaves: 1 };
    for (let last = this.#roots.at(-1); last?.leaves === tree.leaves; last = this.#roots.at(-1)) {
      tree = { hash: sha256(NODE, last.hash, tree.hash), leaves: 2 * tree.leaves };
      this.#roots.pop();
    }
    this.#roots.push(tree);
  }

  /** In hexadecimal. */
  root(): string {
    const [last, ...others] = this.#roots.map(({ hash }) => hash).reverse();
    if (last === undefined) return sha256().toString('hex');
    return others.reduce((right, left) => sha256(NODE, left, right), last).toString('hex');
  }
}

/** The Merkle tree hash over a list of leaves, in hexadecimal. */
export function merkleRoot(leaves: Iterable<Uint8Array>): string {
  const tree = new MerkleTree();
  for (const leaf of leaves) tree.add(leaf);
  return tree.root();
}
