import { FLAG_DESCRIPTOR, FLAG_ENCRYPTED, METHOD_DEFLATED, METHOD_STORED, type Style } from './layout.ts';

export interface StyleFault {
  readonly code:
    | 'member_encrypted'
    | 'member_not_a_file'
    | 'method_unsupported'
    | 'member_too_large'
    | 'header_mismatch';
  readonly why: string;
  /** The byte of the central record that says so. */
  readonly at: number;
}

/** Made by Unix (3), specification 2.0 (20): how the programs before this one wrote. */
const EARLIER_MADE_BY = 0x0314;

/** An extended timestamp of 1980-01-01 00:00:00 UTC, the only extra field that those programs write. */
const EARLIER_EXTRA = Buffer.from('555405000100a6ce12', 'hex');

const MODES: readonly number[] = [0o100644, 0o100755].map((mode) => (mode << 16) >>> 0);
const TYPE_BITS = 0o170000;

/** True for a container that must be written as gait writes: any whose first member is not of an earlier program. */
export function isOwnStyle(first: Style | undefined): boolean {
  return first?.madeBy !== EARLIER_MADE_BY;
}

/**
 * What is wrong with the way in which a member is written, in a container whose first member is written in `first`;
 * undefined for gait's own way and for those of the programs whose packs stay valid: deflated with a descriptor and a
 * timestamp, or stored or deflated with neither. All of them name no time but 1980, so that nothing is free to vary.
 */
export function styleFault(style: Style, first: Style): StyleFault | undefined {
  const { flags, method, attributes } = style;
  if ((flags & FLAG_ENCRYPTED) !== 0) return { code: 'member_encrypted', why: 'it is encrypted', at: 8 };
  if (method !== METHOD_STORED && (method !== METHOD_DEFLATED || isOwnStyle(first))) {
    return { code: 'method_unsupported', why: `compression method ${method} is not supported`, at: 10 };
  }
  const mode = attributes >>> 16;
  const type = mode & TYPE_BITS;
  if (type !== 0o100000) {
    const what = type === 0o120000 ? 'a link' : 'no regular file';
    return { code: 'member_not_a_file', why: `it is ${what} (mode ${mode.toString(8)})`, at: 40 };
  }
  return isOwnStyle(first) ? undefined : earlierFault(style);
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
