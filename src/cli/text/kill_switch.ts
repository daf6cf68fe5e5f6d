import type { JsonObject } from '../../core/json.ts';
import type { Timestamp } from '../../core/time.ts';
import { isActive, type KillSwitchEntry } from '../../gate/kill_switch/kill_switch.ts';
import type { Io } from '../io.ts';
import { printable } from '../terminal.ts';
import { asJson } from './job.ts';

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
