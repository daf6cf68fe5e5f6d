/** Words of 32 bits that are kept of a digest: two digests that differ agree in 96 bits by no chance and by no effort. */
const WORDS = 3;
const SMALLEST = 64;

/**
 * A set of SHA-256 digests of which 12 bytes each are kept, in one flat table that is at most three quarters full and
 * doubles: there may be any number of them, and a Set of texts takes ten times as much.
 */
export class SeenDigests {
  #slots: Uint32Array;
  #count = 0;

  constructor(capacity: number = SMALLEST) {
    this.#slots = new Uint32Array(capacity * WORDS);
  }

  /** True if the digest was not there yet. */
  add(digest: Buffer): boolean {
    if ((this.#count + 1) * 4 > this.#capacity * 3) this.#double();
    const words = [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8)] as const;
    const added = place(this.#slots, words[0], words[1], words[2] === 0 ? 1 : words[2]);
    if (added) this.#count += 1;
    return added;
  }

  get #capacity(): number {
    return this.#slots.length / WORDS;
  }

  #double(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at + 2] !== 0) place(this.#slots, old[at] ?? 0, old[at + 1] ?? 0, old[at + 2] ?? 0);
    }
  }
}

/** Puts a digest into the first free slot from where it belongs; false if it stands there. A free slot ends in zero. */
function place(slots: Uint32Array, first: number, second: number, third: number): boolean {
  const capacity = slots.length / WORDS;
  for (let slot = first % capacity; ; slot = (slot + 1) % capacity) {
    const at = slot * WORDS;
    if (slots[at + 2] === 0) {
      slots[at] = first;
      slots[at + 1] = second;
      slots[at + 2] = third;
      return true;
    }
    if (slots[at] === first && slots[at + 1] === second && slots[at + 2] === third) return false;
  }
}
