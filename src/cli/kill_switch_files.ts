import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { canonicalBytes } from '../core/canonical.ts';
import { invalidInput } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Timestamp } from '../core/time.ts';
import { LineFile } from '../files/line_file.ts';
import { killSwitchPath, parseState } from '../gate/kill_switch/file.ts';
import { isActive, type KillSwitchEntry } from '../gate/kill_switch/kill_switch.ts';
import { killSwitchDocument, MAX_KILL_SWITCHES } from '../gate/kill_switch/reader.ts';
import { DECISIONS_STREAM } from '../gate/ledger/decisions.ts';
import { LOG_FILE } from '../log/stores/file_store.ts';
import type { OptionalText } from './command.ts';
import type { Io } from './io.ts';
import { actorOf } from './machine.ts';
import { gateDir, realPlace, refuseIrregular, refuseKeptPlace } from './places.ts';
import { printable } from './terminal.ts';
import { asJson } from './text/job.ts';

export const KILL_SWITCH_OUTPUT = 'gait.kill-switch.output';

export const stateFlags: { readonly state: OptionalText; readonly 'state-dir': OptionalText } = {
  state: {
    type: 'string',
    value: 'FILE',
    summary: 'The file that holds the switches. By default kill_switch.json in the directory of the gate.',
  },
  'state-dir': {
    type: 'string',
    value: 'DIR',
    summary:
      'The directory of the gate, as `gait gate eval` is told it. By default GAIT_GATE_STATE, else that of the workspace.',
  },
};

interface StateValues {
  readonly state: string | undefined;
  readonly 'state-dir': string | undefined;
}

/** The file of the flag, else that of the gate. */
export function statePath({ state, 'state-dir': dir }: StateValues, io: Io): string {
  if (state !== undefined && dir !== undefined)
    throw invalidInput('flags_conflict', '--state and --state-dir name two places', 'Give one of them.');
  if (state === '') throw invalidInput('flag_value_invalid', '--state is empty', 'Give a file.');
  return state ?? killSwitchPath(gateDir(dir, io.env));
}

/** Directories of gates in the workspace that look for their switches elsewhere. */
export function gatesElsewhere(path: string, io: Io): string[] {
  const own = gateDir(undefined, io.env);
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

/** Who gives the command. Throws `actor_invalid` for nobody. */
export function switchActor(flag: string | undefined, io: Io): string {
  const actor = actorOf(flag, io.env);
  if (actor.trim() !== '') return actor;
  throw invalidInput('actor_invalid', 'the actor is empty', 'Name who gives the command with --actor.');
}

/** Changes the switches in a file, under its lock and in one step. Undefined entries: nothing is written. */
export async function changeKillSwitches<T>(
  path: string,
  mode: 'update' | 'create',
  io: Io,
  decide: (entries: readonly KillSwitchEntry[]) => {
    readonly entries?: readonly KillSwitchEntry[];
    readonly result: T;
  },
): Promise<T> {
  if (path !== killSwitchPath(gateDir(undefined, io.env))) refuseKeptPlace(path, io.env);
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

/** An entry, and whether it stops anything now. */
export function entryFields(entry: KillSwitchEntry, now: Timestamp): JsonObject {
  return { ...asJson(entry), active: isActive(entry, now) };
}

/** What an entry stops, for people. */
export function entryLines(entry: KillSwitchEntry, now: Timestamp, io: Io): string[] {
  const { entry_id, reason, actor, created_at, expires_at } = entry;
  const on = isActive(entry, now);
  const state = on ? io.paint('red', 'active') : entry.enabled ? 'over' : 'disabled';
  const until = expires_at === undefined ? '' : `, until ${expires_at}`;
  return [
    `${printable(entry_id)}  ${state}  stops ${printable(stopped(entry))}`,
    `  ${created_at}  ${printable(actor)}: ${printable(reason)}${until}`,
    ...(entry.disabled_by === undefined
      ? []
      : [`  ${entry.disabled_at ?? ''}  disabled by ${printable(entry.disabled_by)}`]),
  ];
}

function stopped(entry: KillSwitchEntry): string {
  const { agent_id, identity, tool_name, target_kind, target_value, environment } = entry;
  const words = { agent_id, identity, tool_name, target_kind, target_value, environment };
  const lists = { path: entry.path_prefixes, workspace: entry.workspace_prefixes };
  const said = [
    ...Object.entries(words).flatMap(([name, word]) => (word === undefined ? [] : [`${name} ${word}`])),
    ...Object.entries(lists).flatMap(([name, list]) =>
      list === undefined ? [] : [`${name} ${list.join(' or ')}`],
    ),
  ];
  return said.length === 0 ? 'everything' : said.join(', ');
}
