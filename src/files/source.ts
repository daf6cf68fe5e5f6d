/** Bytes that can be read from anywhere, wherever they are. */
export interface ByteSource {
  readonly size: number;
  /** The bytes from `offset` on: fewer than `length` only at the end. They may be put `into` memory of that length. */
  read(offset: number, length: number, into?: Buffer): Buffer;
}

const CHUNK_BYTES = 256 * 1024;

export function sourceOf(bytes: Buffer): ByteSource {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** A part of a source, as a source of its own. What lies past the end of the whole is not there. */
export function slice(whole: ByteSource, start: number, length: number): ByteSource {
  const size = Math.max(0, Math.min(length, whole.size - start));
  return {
    size,
    read: (offset, wanted, into) => {
      const inside = Math.max(0, Math.min(wanted, size - offset));
      return whole.read(start + offset, inside, into?.subarray(0, inside));
    },
  };
}

/** The bytes of a source in order, in pieces of up to 256 KiB. */
export function chunksOf(source: ByteSource): Generator<Buffer> {
  return pieces(source);
}

/** The same, for who is done with a piece when the next is asked for: all are read into one place. Twice as fast. */
export function passOver(source: ByteSource): Generator<Buffer> {
  return pieces(source, Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, source.size)));
}

function* pieces(source: ByteSource, place?: Buffer): Generator<Buffer> {
  for (let at = 0; at < source.size; ) {
    const length = Math.min(CHUNK_BYTES, source.size - at);
    const bytes = source.read(at, length, place?.subarray(0, length));
    if (bytes.length === 0) return;
    yield bytes;
    at += bytes.length;
  }
}

/** A line of a source, without its newline. */
export interface Line {
  readonly bytes: Buffer;
  /** Where it starts. */
  readonly offset: number;
  /** False for what stands after the last newline, and for a line that was cut for its length. */
  readonly whole: boolean;
}

/** The lines of a source. One longer than `limit` is cut there, said not to be whole, and is the last. */
export function* linesOf(source: ByteSource, limit: number): Generator<Line> {
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;
  for (const chunk of chunksOf(source)) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      if (end - start > limit) break;
      yield { bytes: bytes.subarray(start, end), offset: offset + start, whole: true };
      start = end + 1;
    }
    offset += start;
    rest = bytes.subarray(start);
    if (rest.length > limit) {
      yield { bytes: rest.subarray(0, limit), offset, whole: false };
      return;
    }
  }
  if (rest.length > 0) yield { bytes: rest, offset, whole: false };
}
