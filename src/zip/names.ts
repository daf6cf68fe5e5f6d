import { MAX_NAME_BYTES } from '../core/limits.ts';

const SAFE_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/;
/** Names that a Windows system gives to devices, with any ending. */
const DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;

/**
 * Why a member's name is not safe on every file system and in every reader; undefined when it is. Safe are relative
 * paths of ASCII letters, digits and `._-`, no part of which starts with a dot or a dash, ends with a dot, or is the
 * name of a device.
 */
export function nameFault(name: Buffer): string | undefined {
  if (name.length === 0) return 'is empty';
  if (name.length > MAX_NAME_BYTES) return `is ${name.length} bytes long; the limit is ${MAX_NAME_BYTES}`;
  const text = name.toString('latin1');
  if (!SAFE_NAME.test(text)) return 'is not a plain relative path of A-Z a-z 0-9 . _ - and /';
  const unsafe = text.split('/').find((part) => part.endsWith('.') || DEVICE.test(part));
  return unsafe === undefined
    ? undefined
    : `has a part, ${unsafe}, that some systems take for something else`;
}
