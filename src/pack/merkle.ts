import { sha256 } from '../core/digest.ts';

const LEAF = Buffer.from([0x00]);
const NODE = Buffer.from([0x01]);

/** The Merkle tree hash over a list of leaves, in hexadecimal. RFC 6962 §2.1. */
export function merkleRoot(leaves: readonly Uint8Array[]): string {
  let level = leaves.map((leaf) => sha256(LEAF, leaf));
  if (level.length === 0) return sha256().toString('hex');
  // Pairing level by level, with an odd last node carried up, is the same tree as the RFC's recursive split.
  while (level.length > 1) {
    const above: Buffer[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i], level[i + 1]];
      if (left !== undefined) above.push(right === undefined ? left : sha256(NODE, left, right));
    }
    level = above;
  }
  return (level[0] ?? sha256()).toString('hex');
}
