import { existsSync, statSync } from 'node:fs';
import { invalidInput, ioFailure } from '../core/errors.ts';
import { readFileBytes } from '../files/file_source.ts';
import { LineFile } from '../files/line_file.ts';
import {
  EMPTY_KEYRING,
  type KeyringDocument,
  keyringText,
  MAX_KEYRING_BYTES,
  parseKeyringDocument,
} from '../signing/keyring_file.ts';
import { realPlace } from './workspace/output_places.ts';

/** Throws `file_not_found`, or what is wrong with the ring. */
export function readRing(path: string): KeyringDocument {
  if (!existsSync(path)) {
    const hint = '`gait keys add` makes one; --keyring FILE names another.';
    throw invalidInput('file_not_found', `no such keyring: ${path}`, hint);
  }
  return parseKeyringDocument(readFileBytes(path, MAX_KEYRING_BYTES), path);
}

export interface RingChange {
  readonly document: KeyringDocument;
  /** False when the ring was so already, and nothing was written. */
  readonly changed: boolean;
}

/**
 * Puts the ring that `change` makes of the present one in its place, in one step and on disk, mode 0600. Whoever changes
 * it at the same time waits for the lock and sees what this left. `create` makes a ring where none is; throws what
 * `change` throws, the ring being as it was.
 */
export async function changeRing(
  path: string,
  mode: 'update' | 'create',
  change: (document: KeyringDocument) => KeyringDocument,
): Promise<RingChange> {
  refuseHuge(path);
  // Where a link leads, since the file there is what is locked and replaced.
  const file = new LineFile({ path: realPlace(path) });
  return file.change<RingChange>(mode, (lines, tail) => {
    const bytes = Buffer.concat([lines, tail]);
    // One who makes a ring has its file empty for a moment, or for good if he was killed then.
    const before = bytes.length === 0 ? EMPTY_KEYRING : parseKeyringDocument(bytes, path);
    const document = change(before);
    if (document === before) return { result: { document, changed: false } };
    return { replace: Buffer.from(keyringText(document)), result: { document, changed: true } };
  });
}

function refuseHuge(path: string): void {
  try {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= MAX_KEYRING_BYTES) return;
    throw invalidInput('file_too_large', `${path} has ${size} bytes; the limit is ${MAX_KEYRING_BYTES}`);
  } catch (error) {
    throw ioFailure(error, `looking at ${path}`);
  }
}
