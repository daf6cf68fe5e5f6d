import { dosFault, otherFault } from './foreign.ts';
import {
  FLAG_DESCRIPTOR,
  FLAG_ENCRYPTED,
  METHOD_DEFLATED,
  METHOD_STORED,
  type Style,
  type StyleFault,
} from './layout.ts';

/** Who wrote a container: gait, one of the programs before it (in Go), or any other writer of zips. */
export type Writer = 'gait' | 'go' | 'other';

/** Made by Unix (3), specification 6.3 (63): how gait writes. */
const GAIT_MADE_BY = 0x033f;

/** Made by Unix (3), specification 2.0 (20): how the programs before this one wrote, and other writers too. */
const EARLIER_MADE_BY = 0x0314;

/** An extended timestamp of 1980-01-01 00:00:00 UTC, the only extra field that those programs write. */
const EARLIER_EXTRA = Buffer.from('555405000100a6ce12', 'hex');

const MODES: readonly number[] = [0o100644, 0o100755].map((mode) => (mode << 16) >>> 0);
const TYPE_BITS = 0o170000;
const REGULAR = 0o100000;

/**
 * Who wrote a container, by what its members say. One of which any member claims to be by gait is held to gait's one form,
 * and one of which any has the mark of the programs before this one to theirs: both are known to the last bit.
 */
export function writerOf(styles: readonly Style[]): Writer {
  if (styles.length === 0 || styles.some(({ madeBy }) => madeBy === GAIT_MADE_BY)) return 'gait';
  return styles.some(isMarked) ? 'go' : 'other';
}

function isMarked({ madeBy, flags, extra }: Style): boolean {
  return madeBy === EARLIER_MADE_BY && flags === FLAG_DESCRIPTOR && extra.equals(EARLIER_EXTRA);
}

/** What is wrong with the way in which a file is written in a container of this writer; undefined when nothing is. */
export function styleFault(style: Style, writer: Writer): StyleFault | undefined {
  const { flags, method, attributes } = style;
  if ((flags & FLAG_ENCRYPTED) !== 0) return { code: 'member_encrypted', why: 'it is encrypted', at: 8 };
  if (method !== METHOD_STORED && (method !== METHOD_DEFLATED || writer === 'gait')) {
    return { code: 'method_unsupported', why: `compression method ${method} is not supported`, at: 10 };
  }
  const mode = attributes >>> 16;
  const type = mode & TYPE_BITS;
  // A writer that states no type means a file: Python's zipfile, and all that know no modes.
  if (type !== REGULAR && !(type === 0 && writer === 'other')) {
    const what = type === 0o120000 ? 'a link' : type === 0o040000 ? 'a folder' : 'no regular file';
    return { code: 'member_not_a_file', why: `it is ${what} (mode ${mode.toString(8)})`, at: 40 };
  }
  if (writer === 'other') return dosFault(style) ?? otherFault(style);
  return writer === 'go' ? earlierFault(style) : undefined;
}

function earlierFault({ madeBy, flags, method, extra, attributes }: Style): StyleFault | undefined {
  if (madeBy !== EARLIER_MADE_BY) return mismatch(`version made by ${madeBy} is not the first member’s`, 4);
  if (flags !== 0 && flags !== FLAG_DESCRIPTOR) return mismatch(`flags ${flags} are of no known writer`, 8);
  const timed = extra.equals(EARLIER_EXTRA);
  if (!timed && extra.length > 0) return mismatch('the extra field is of no known writer', 30);
  const deferred = flags === FLAG_DESCRIPTOR;
  if (timed !== deferred || (deferred && method !== METHOD_DEFLATED)) {
    return mismatch('flags, method and extra field do not belong together', 8);
  }
  return MODES.includes(attributes) ? undefined : mismatch('the mode is of no known writer', 38);
}

function mismatch(why: string, at: number): StyleFault {
  return { code: 'header_mismatch', why, at };
}
