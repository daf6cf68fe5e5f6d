import { canonicalDigest } from '../../core/digest.ts';
import { GaitError, invalidInput } from '../../core/errors.ts';
import { Fields } from '../../core/fields.ts';
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts';
import { trimmed, wordList } from '../../core/text.ts';
import { inUtc } from '../../core/time.ts';
import { filled, needed, oneOf, texts, word } from '../intent/fields.ts';
import { TARGET_KINDS } from '../target/endpoint.ts';
import { plainPath } from '../target/places.ts';
import type { KillSwitchEntry } from './kill_switch.ts';

export const KILL_SWITCH_SCHEMA_ID = 'gait.gate.kill_switch_state';

/** A document with more entries than this is refused. */
export const MAX_KILL_SWITCHES = 10_000;

const CONTRACT = 'docs/contracts/gate.md';

/** The entries of a document, strictly. Throws `kill_switch_invalid` (invalid_input). */
export function readKillSwitches(value: Json): KillSwitchEntry[] {
  try {
    return entriesOf(value);
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    throw wrong(error.message, error.hint);
  }
}

function entriesOf(value: Json): KillSwitchEntry[] {
  if (!isJsonObject(value)) throw wrong('it is no JSON object');
  const top = new Fields(value, '', CONTRACT);
  if (needed(top, 'schema_id') !== KILL_SWITCH_SCHEMA_ID) throw wrong('its schema_id is another');
  if (needed(top, 'schema_version') !== '1.0.0') throw wrong('its schema_version is another');
  if (top.list('entries') === undefined) throw wrong('entries is missing');
  const entries = top.each('entries');
  if (entries.length > MAX_KILL_SWITCHES) throw wrong(`it has more than ${MAX_KILL_SWITCHES} entries`);
  refuseOthers(top);
  const read = entries.map(entryOf);
  if (new Set(read.map(({ entry_id }) => entry_id)).size < read.length)
    throw wrong('two entries have one entry_id');
  return read;
}

/** One entry. A switch that does not say that it is off is on. Throws invalid_input. */
function entryOf(fields: Fields): KillSwitchEntry {
  const kind = word(fields, 'target_kind');
  const [paths, workspaces] = [folders(fields, 'path_prefixes'), folders(fields, 'workspace_prefixes')];
  const entry: KillSwitchEntry = {
    entry_id: needed(fields, 'entry_id'),
    enabled: fields.flag('enabled') !== false,
    ...filled({
      agent_id: trimmed(fields.text('agent_id') ?? ''),
      identity: trimmed(fields.text('identity') ?? ''),
      tool_name: word(fields, 'tool_name'),
      target_value: trimmed(fields.text('target_value') ?? ''),
      environment: word(fields, 'environment'),
    }),
    ...(kind === '' ? {} : { target_kind: oneOf(TARGET_KINDS, kind, fields.at('target_kind')) }),
    ...(paths.length === 0 ? {} : { path_prefixes: paths }),
    ...(workspaces.length === 0 ? {} : { workspace_prefixes: workspaces }),
    reason: needed(fields, 'reason'),
    actor: needed(fields, 'actor'),
    created_at: inUtc(fields.time('created_at') ?? fields.need('created_at')),
    ...filled({
      ...{ expires_at: instant(fields, 'expires_at'), disabled_at: instant(fields, 'disabled_at') },
      disabled_by: trimmed(fields.text('disabled_by') ?? ''),
    }),
  };
  refuseOthers(fields);
  return entry;
}

/** Empty where nobody set it. */
function instant(fields: Fields, name: string): string {
  const time = fields.stamp(name);
  return time === undefined ? '' : inUtc(time);
}

function folders(fields: Fields, name: string): string[] {
  const list = wordList(texts(fields, name));
  const strange = list.find((prefix) => plainPath(prefix) === undefined);
  if (strange !== undefined)
    throw wrong(`${fields.at(name)} names ${JSON.stringify(strange)}, which is no folder`);
  return list;
}

/** What is not known may be a selector: an entry without it would be another. */
function refuseOthers(fields: Fields): void {
  const [stranger] = fields.ignored();
  if (stranger !== undefined) throw wrong(`${stranger} is not known`);
}

/** The document that holds these entries. */
export function killSwitchDocument(entries: readonly KillSwitchEntry[]): JsonObject {
  const list = entries.map((entry) => ({ ...entry }) as unknown as JsonObject);
  return { schema_id: KILL_SWITCH_SCHEMA_ID, schema_version: '1.0.0', entries: list };
}

/** What somebody writes who means more than one thing, or another one. `name` is the member of the entry. */
export function selectorFault(name: string, value: string): string | undefined {
  if (value.includes('*')) return 'has a *';
  const isPlace = /prefixes$|^target_value$/.test(name);
  if (isPlace && value.startsWith('~')) return 'begins with ~';
  if (isPlace && /\$[\w{(]|`/.test(value)) return 'has a variable';
  if (/prefixes$/.test(name) && /[?[{]|[+@!]\(/.test(value)) return 'is a pattern';
  if (/prefixes$/.test(name) && /%[0-9a-f]{2}/i.test(value)) return 'has an escape of URLs';
  if (name === 'tool_name' && value.includes(',')) return 'is a list';
  if (/prefixes$/.test(name) && value.includes(',/')) return 'is a list';
  if (name === 'target_value' && /^[\da-f.:]+\/\d+$/i.test(value)) return 'is a block of addresses';
  return undefined;
}

/** A new entry, checked as one that is read, with an id that none of the others has. Throws `kill_switch_invalid`. */
export function newKillSwitch(
  members: Omit<KillSwitchEntry, 'entry_id' | 'enabled'>,
  others: readonly KillSwitchEntry[],
): KillSwitchEntry {
  const said = { ...members } as unknown as JsonObject;
  const entry_id = canonicalDigest({ ...said, position: others.length }).slice(0, 24);
  const document = killSwitchDocument([{ ...members, entry_id, enabled: true }]);
  const [entry] = readKillSwitches(document);
  if (entry === undefined) throw wrong('it has no entry');
  return entry;
}

function wrong(message: string, hint?: string): GaitError {
  return invalidInput('kill_switch_invalid', `not a state of kill switches: ${message}`, hint);
}
