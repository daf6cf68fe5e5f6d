import { type ByteSource, passOver } from '../files/source.ts';
import {
  type Codes,
  codesOf,
  FAST_BITS,
  FIXED_DISTANCES,
  FIXED_LITERALS,
  InflateFault,
  MAX_BITS,
} from './huffman.ts';

const WINDOW_BYTES = 32 * 1024;
const PIECE_BYTES = 256 * 1024;
const END_OF_BLOCK = 256;

/** RFC 1951 §3.2.5. */
const LENGTH_BASE = [
  ...[3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31],
  ...[35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258],
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  ...[1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769],
  ...[1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577],
];
const DISTANCE_EXTRA = DISTANCE_BASE.map((_, i) => Math.max(0, (i >> 1) - 1));
/** RFC 1951 §3.2.7. */
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** Inflates a stream piece by piece: it never holds more than a piece, and the window before it. */
export class Inflater {
  readonly #pieces: Generator<Buffer>;
  #packed: Buffer = Buffer.alloc(0);
  #at = 0;
  #loaded = 0;
  #bits = 0;
  #bitCount = 0;
  readonly #out = Buffer.alloc(WINDOW_BYTES + PIECE_BYTES);
  #end = WINDOW_BYTES;
  #total = 0;
  #state: 'header' | 'stored' | 'coded' | 'ended' = 'header';
  #isLast = false;
  #stored = 0;
  #copy = 0;
  #distance = 0;
  #literals: Codes = FIXED_LITERALS;
  #distances: Codes = FIXED_DISTANCES;

  constructor(source: ByteSource) {
    this.#pieces = passOver(source);
  }

  /** How many bytes of the stream belong to what was inflated. */
  get used(): number {
    return this.#loaded - (this.#bitCount >> 3);
  }

  /** The next piece, good until the one after it is asked for; empty at the end. Throws {@link InflateFault}. */
  next(): Buffer {
    this.#out.copyWithin(0, this.#end - WINDOW_BYTES, this.#end);
    this.#end = WINDOW_BYTES;
    while (this.#end < this.#out.length && this.#state !== 'ended') this.#step();
    this.#total += this.#end - WINDOW_BYTES;
    return this.#out.subarray(WINDOW_BYTES, this.#end);
  }

  #step(): void {
    if (this.#copy > 0) this.#copyBack();
    else if (this.#state === 'header') this.#readHeader();
    else if (this.#state === 'stored') this.#readStored();
    else this.#readCoded();
  }

  #readHeader(): void {
    if (this.#isLast) {
      this.#state = 'ended';
      return;
    }
    this.#isLast = this.#take(1) === 1;
    const type = this.#take(2);
    if (type === 0) {
      this.#take(this.#bitCount & 7);
      this.#stored = this.#take(16);
      if (this.#take(16) !== (~this.#stored & 0xffff))
        throw new InflateFault('a stored block of two lengths');
      this.#state = 'stored';
      return;
    }
    if (type === 3) throw new InflateFault('a block of no type');
    if (type === 2) this.#readCodes();
    else [this.#literals, this.#distances] = [FIXED_LITERALS, FIXED_DISTANCES];
    this.#state = 'coded';
  }

  #readStored(): void {
    for (; this.#stored > 0 && this.#end < this.#out.length; this.#stored -= 1) {
      this.#out[this.#end] = this.#take(8);
      this.#end += 1;
    }
    if (this.#stored === 0) this.#state = 'header';
  }

  #readCoded(): void {
    while (this.#end < this.#out.length) {
      const symbol = this.#symbol(this.#literals);
      if (symbol < END_OF_BLOCK) {
        this.#out[this.#end] = symbol;
        this.#end += 1;
        continue;
      }
      if (symbol === END_OF_BLOCK) {
        this.#state = 'header';
        return;
      }
      const [length, extra] = [LENGTH_BASE[symbol - 257], LENGTH_EXTRA[symbol - 257]];
      if (length === undefined || extra === undefined) throw new InflateFault('a length that is none');
      this.#copy = length + this.#take(extra);
      const code = this.#symbol(this.#distances);
      const [distance, more] = [DISTANCE_BASE[code], DISTANCE_EXTRA[code]];
      if (distance === undefined || more === undefined) throw new InflateFault('a distance that is none');
      this.#distance = distance + this.#take(more);
      const known = this.#total + this.#end - WINDOW_BYTES;
      if (this.#distance > known) throw new InflateFault('a distance to before the start');
      this.#copyBack();
    }
  }

  #copyBack(): void {
    const count = Math.min(this.#copy, this.#out.length - this.#end);
    const out = this.#out;
    for (let from = this.#end - this.#distance, to = this.#end; to < this.#end + count; from += 1, to += 1)
      out[to] = out[from] ?? 0;
    this.#end += count;
    this.#copy -= count;
  }

  /** RFC 1951 §3.2.7. */
  #readCodes(): void {
    const [literals, distances, lengths] = [this.#take(5) + 257, this.#take(5) + 1, this.#take(4) + 4];
    if (literals > 286 || distances > 30) throw new InflateFault('more codes than there are');
    const ofLengths = new Array<number>(19).fill(0);
    for (const symbol of CODE_ORDER.slice(0, lengths)) ofLengths[symbol] = this.#take(3);
    const codes = codesOf(ofLengths);
    const all: number[] = [];
    while (all.length < literals + distances) {
      const symbol = this.#symbol(codes);
      if (symbol < 16) all.push(symbol);
      else this.#repeat(all, symbol);
    }
    if (all.length > literals + distances) throw new InflateFault('a repetition past the end');
    if (all[END_OF_BLOCK] === 0) throw new InflateFault('a block that cannot end');
    this.#literals = codesOf(all.slice(0, literals), true);
    this.#distances = codesOf(all.slice(literals), true);
  }

  #repeat(all: number[], symbol: number): void {
    const last = all.at(-1);
    if (symbol === 16 && last === undefined) throw new InflateFault('a repetition of nothing');
    const count = symbol === 16 ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7);
    for (let i = 0; i < count; i += 1) all.push(symbol === 16 ? (last ?? 0) : 0);
  }

  #symbol({ fast, counts, symbols }: Codes): number {
    this.#load(MAX_BITS);
    const short = fast[this.#bits & ((1 << FAST_BITS) - 1)] ?? 0;
    if (short !== 0 && (short & 15) <= this.#bitCount) {
      this.#drop(short & 15);
      return short >> 4;
    }
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= MAX_BITS && length <= this.#bitCount; length += 1) {
      code |= (this.#bits >> (length - 1)) & 1;
      const count = counts[length] ?? 0;
      if (code - count < first) {
        this.#drop(length);
        return symbols[index + code - first] ?? 0;
      }
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new InflateFault('a code that is none');
  }

  #take(count: number): number {
    this.#load(count);
    if (this.#bitCount < count) throw new InflateFault('it ends early');
    const value = this.#bits & ((1 << count) - 1);
    this.#drop(count);
    return value;
  }

  #drop(count: number): void {
    this.#bits >>>= count;
    this.#bitCount -= count;
  }

  /** Loads bits until there are so many, or no more. */
  #load(count: number): void {
    while (this.#bitCount < count) {
      if (this.#at === this.#packed.length) {
        const { value, done } = this.#pieces.next();
        if (done === true) return;
        this.#packed = value;
        this.#at = 0;
      }
      this.#bits |= (this.#packed[this.#at] ?? 0) << this.#bitCount;
      this.#bitCount += 8;
      this.#at += 1;
      this.#loaded += 1;
    }
  }
}

/** Why a stream does not inflate to exactly `size` bytes, with all of its own; undefined when it does. */
export function inflateFault(packed: ByteSource, size: number): string | undefined {
  try {
    const inflater = new Inflater(packed);
    let made = 0;
    for (let piece = inflater.next(); piece.length > 0; piece = inflater.next()) {
      made += piece.length;
      if (made > size) return 'inflates to more than it says';
    }
    if (made !== size) return `inflates to ${made} bytes, not to ${size}`;
    const rest = packed.size - inflater.used;
    return rest === 0 ? undefined : `has ${rest} bytes after its compressed content`;
  } catch (error) {
    if (!(error instanceof InflateFault)) throw error;
    return 'does not inflate';
  }
}

/**
 * What a sound stream inflates to, as a source of `size` bytes that keeps a piece of it. Reading on is cheap; whoever
 * reads what is before the piece waits for it to be inflated again.
 */
export function inflatedSource(packed: ByteSource, size: number): ByteSource {
  let inflater = new Inflater(packed);
  let [start, piece] = [0, inflater.next()];
  const seek = (offset: number): void => {
    if (offset < start) {
      inflater = new Inflater(packed);
      [start, piece] = [0, inflater.next()];
    }
    while (offset >= start + piece.length && piece.length > 0) {
      start += piece.length;
      piece = inflater.next();
    }
  };
  return {
    size,
    read(offset, wanted, into) {
      const length = Math.max(0, Math.min(wanted, size - offset));
      const target = into?.subarray(0, length) ?? Buffer.alloc(length);
      for (let done = 0; done < length; ) {
        seek(offset + done);
        if (piece.length === 0) return target.subarray(0, done);
        done += piece.copy(target, done, offset + done - start);
      }
      return target;
    },
  };
}
