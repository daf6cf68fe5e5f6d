import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { canonicalBytes } from '../core/canonical.ts';
import { invalidInput } from '../core/errors.ts';
import { LineFile } from '../files/line_file.ts';
import { killSwitchPath, parseState } from '../gate/kill_switch/file.ts';
import type { KillSwitchEntry } from '../gate/kill_switch/kill_switch.ts';
import { killSwitchDocument, MAX_KILL_SWITCHES } from '../gate/kill_switch/reader.ts';
import { DECISIONS_STREAM } from '../gate/ledger/decisions.ts';
import { LOG_FILE } from '../log/stores/file_store.ts';
import type { Host } from './host.ts';
import { gateDir, realPlace, refuseIrregular, refuseKeptPlace } from './workspace/output_places.ts';

/** Directories of gates in the workspace that look for their switches elsewhere. */
export function gatesElsewhere(path: string, host: Host): string[] {
  const own = gateDir(undefined, host.env);
  const workspace = dirname(dirname(resolve(own)));
  const folders = [workspace, dirname(resolve(own))].flatMap((folder) => foldersIn(folder));
  const gates = [...new Set(folders)].filter((folder) =>
    existsSync(join(folder, DECISIONS_STREAM, LOG_FILE)),
  );
  return gates.filter((folder) => resolve(killSwitchPath(folder)) !== resolve(path));
}

/** A workspace has many folders, and those of a gate are among the first. */
const MAX_FOLDERS = 1000;

function foldersIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return entries.slice(0, MAX_FOLDERS).map(({ name }) => join(folder, name));
  } catch {
    return [];
  }
}

/** Changes the switches in a file, under its lock and in one step. Undefined entries: nothing is written. */
export async function changeKillSwitches<T>(
  path: string,
  mode: 'update' | 'create',
  host: Host,
  decide: (entries: readonly KillSwitchEntry[]) => {
    readonly entries?: readonly KillSwitchEntry[];
    readonly result: T;
  },
): Promise<T> {
  if (path !== killSwitchPath(gateDir(undefined, host.env))) refuseKeptPlace(path, host.env);
  refuseIrregular(path);
  if (mode === 'update' && !existsSync(path)) throw invalidInput('file_not_found', `no such file: ${path}`);
  const file = new LineFile({ path: realPlace(path) });
  return await file.change(mode, (lines, tail) => {
    const bytes = Buffer.concat([lines, tail]);
    // A file that was just made, or was left so by whoever died then, holds nothing yet.
    const { entries, result } = decide(bytes.length === 0 ? [] : parseState(bytes, path));
    if (entries === undefined) return { result };
    if (entries.length > MAX_KILL_SWITCHES) {
      const hint = 'Name another file with --state, or take out entries that are over.';
      throw invalidInput('kill_switch_invalid', `${path} has ${MAX_KILL_SWITCHES} entries already`, hint);
    }
    const replace = Buffer.concat([canonicalBytes(killSwitchDocument(entries)), Buffer.from('\n')]);
    return { replace, result };
  });
}
