import { join } from 'node:path';
import { GaitError, invalidInput } from '../../core/errors.ts';
import { parseJson } from '../../core/json_text.ts';
import { isThere, readFileBytes } from '../../files/file_source.ts';
import type { KillSwitchEntry } from './kill_switch.ts';
import { readKillSwitches } from './reader.ts';

/** A state larger than this is refused. Bytes. */
const MAX_STATE_BYTES = 16 * 1024 * 1024;

/**
 * The switches in a file. Throws `file_not_found`, `kill_switch_invalid` and others (invalid_input): never none for a file
 * that cannot be read.
 */
export function readKillSwitchFile(path: string): KillSwitchEntry[] {
  return parseState(readFileBytes(path, MAX_STATE_BYTES), path);
}

/** Where a gate looks for kill switches unless it is told otherwise. */
export function killSwitchPath(gate: string): string {
  return join(gate, 'kill_switch.json');
}

/** The switches of a gate's own directory, none where nothing stands there. Throws for what cannot be read. */
export function ownKillSwitches(gate: string): KillSwitchEntry[] {
  const path = killSwitchPath(gate);
  return isThere(path) ? readKillSwitchFile(path) : [];
}

/** The switches in the bytes of a file, which `path` names in errors. */
export function parseState(bytes: Buffer, path: string): KillSwitchEntry[] {
  try {
    return readKillSwitches(parseJson(bytes, path));
  } catch (error) {
    if (!(error instanceof GaitError) || error.code !== 'kill_switch_invalid') throw error;
    throw invalidInput(error.code, `${path}: ${error.message}`, error.hint);
  }
}
