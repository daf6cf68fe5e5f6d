import {
  FLAG_DESCRIPTOR,
  FLAG_ENCRYPTED,
  GAIT_STYLE,
  METHOD_DEFLATED,
  METHOD_STORED,
  type Style,
} from './layout.ts';

/** A deflated member may not say that it is larger: a bomb is refused before it is inflated. */
export const MAX_INFLATED_BYTES: number = 100 * 1024 * 1024;

export interface StyleFault {
  readonly code: 'member_encrypted' | 'member_not_a_file' | 'method_unsupported' | 'header_mismatch';
  readonly why: string;
}

/** Made by Unix (3), specification 2.0 (20): how the programs before this one wrote. */
const EARLIER_MADE_BY = 0x0314;

/** An extended timestamp of 1980-01-01 00:00:00 UTC, the only extra field that those programs write. */
const EARLIER_EXTRA = Buffer.from('555405000100a6ce12', 'hex');

const MODES: readonly number[] = [0o100644, 0o100755].map((mode) => (mode << 16) >>> 0);
const TYPE_BITS = 0o170000;

/**
 * What is wrong with the way in which a member is written, if the first of the container is of the style `first`;
 * undefined for gait's own way and for those of the programs whose packs stay valid: deflated with a descriptor and a
 * timestamp, or stored or deflated with neither. All of them name no time but 1980, so that nothing is free to vary.
 */
export function styleFault(style: Style, first: Style): StyleFault | undefined {
  if ((style.flags & FLAG_ENCRYPTED) !== 0) return { code: 'member_encrypted', why: 'it is encrypted' };
  const type = (style.attributes >>> 16) & TYPE_BITS;
  if (type !== 0o100000) {
    return {
      code: 'member_not_a_file',
      why: `it is ${type === 0o120000 ? 'a link' : 'no regular file'} (mode ${(style.attributes >>> 16).toString(8)})`,
    };
  }
  if (style.method !== METHOD_STORED && style.method !== METHOD_DEFLATED) {
    return { code: 'method_unsupported', why: `compression method ${style.method} is not supported` };
  }
  if (style.madeBy !== first.madeBy) return mismatch('it is made by another program than the first member');
  return style.madeBy === GAIT_STYLE.madeBy ? ownFault(style) : earlierFault(style);
}

function ownFault(style: Style): StyleFault | undefined {
  const { flags, method, extra, attributes } = GAIT_STYLE;
  if (style.flags !== flags) return mismatch(`flags ${style.flags} are not what gait writes`);
  if (style.method !== method) return mismatch('gait does not compress');
  if (style.extra.length !== extra.length) return mismatch('gait writes no extra field');
  return style.attributes === attributes ? undefined : mismatch('gait writes the mode 0644');
}

function earlierFault({ madeBy, flags, extra, attributes }: Style): StyleFault | undefined {
  if (madeBy !== EARLIER_MADE_BY) return mismatch(`version made by ${madeBy} is of no known writer`);
  if (flags !== 0 && flags !== FLAG_DESCRIPTOR) return mismatch(`flags ${flags} are of no known writer`);
  const timed = extra.equals(EARLIER_EXTRA);
  if (!timed && extra.length > 0) return mismatch('the extra field is of no known writer');
  if (timed !== (flags === FLAG_DESCRIPTOR)) return mismatch('flags and extra field do not belong together');
  return MODES.includes(attributes) ? undefined : mismatch('the mode is of no known writer');
}

function mismatch(why: string): StyleFault {
  return { code: 'header_mismatch', why };
}
