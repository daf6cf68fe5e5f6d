import { parseDocument } from 'yaml';
import { decodeUtf8 } from '../../core/canonical.ts';
import { type GaitError, invalidInput } from '../../core/errors.ts';
import { readFileBytes } from '../../files/file_source.ts';
import type { OptionalText } from '../command.ts';

/** A file of settings, named on the command line: never one that merely lies where the command runs. */
export const configFlags: {
  readonly config: OptionalText;
  readonly 'no-config': { readonly type: 'boolean'; readonly summary: string };
} = {
  config: {
    type: 'string',
    value: 'FILE',
    summary: 'Config file whose `gate` section supplies defaults for flags. Never read unless named here.',
  },
  'no-config': { type: 'boolean', summary: 'Read no config file; the same as without --config.' },
};

/** Larger ones are no settings. Bytes. */
const MAX_CONFIG_BYTES = 65_536;

/** What the section `gate` may say, and the flag that says the same. */
const SETTINGS: Readonly<Record<string, string>> = {
  policy: 'policy',
  profile: 'profile',
  home: 'home',
  key_mode: 'key-mode',
  private_key: 'private-key',
  private_key_env: 'private-key-env',
  approval_public_key: 'approval-public-key',
  approval_public_key_env: 'approval-public-key-env',
  approval_private_key: 'approval-private-key',
  approval_private_key_env: 'approval-private-key-env',
  rate_limit_state: 'rate-limit-state',
  credential_broker: 'credential-broker',
  credential_env_prefix: 'credential-env-prefix',
  credential_ref: 'credential-ref',
  credential_scopes: 'credential-scopes',
  credential_command: 'credential-command',
  credential_command_args: 'credential-command-args',
  credential_evidence_path: 'credential-evidence-out',
  trace_path: 'trace-out',
};

/** Sections that other commands of the earlier programs have; nothing in them is for the gate. */
const OTHERS: ReadonlySet<string> = new Set(['mcp_serve', 'retention']);

interface Values {
  readonly config: string | undefined;
  readonly 'no-config': boolean;
}

/**
 * Flags with what the named file says where the command line says nothing. Throws `config_invalid` for whatever in it is
 * not a known setting: a typo must not make a gate weaker.
 */
export function withConfig<T extends Values>(flags: T, given: ReadonlySet<string>): T {
  const { config: path } = flags;
  if (path === undefined || flags['no-config']) return flags;
  const open = Object.entries(settingsIn(path)).filter(([flag]) => !given.has(flag));
  const listed = open.map(([flag, value]) => [flag, flag === 'approval-public-key' ? [value] : value]);
  return { ...flags, ...Object.fromEntries(listed) };
}

function settingsIn(path: string): Record<string, string> {
  const document = parseDocument(decodeUtf8(readFileBytes(path, MAX_CONFIG_BYTES)), { uniqueKeys: true });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) throw invalid(path, fault.message.split('\n')[0] ?? 'it is no YAML');
  const top = plain(document, path);
  if (top === null) return {};
  if (!isMap(top)) throw invalid(path, 'it is no map of sections');
  const strange = Object.keys(top).find((name) => name !== 'gate' && !OTHERS.has(name));
  if (strange !== undefined) throw invalid(path, `there is no section ${strange}`);
  const { gate = {} } = top;
  if (!isMap(gate)) throw invalid(path, 'the section gate is no map');
  return Object.fromEntries(Object.entries(gate).map(([name, value]) => settingOf(path, name, value)));
}

function plain(document: ReturnType<typeof parseDocument>, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    throw invalid(path, 'it has an alias');
  }
}

function settingOf(path: string, name: string, value: unknown): [string, string] {
  const flag = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
  if (flag === undefined) throw invalid(path, `there is no setting gate.${name}`);
  const words = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  if (words.length === 0 || words.some((word) => typeof word !== 'string' || word === ''))
    throw invalid(path, `gate.${name} is no text`);
  return [flag, words.join(',')];
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(path: string, why: string): GaitError {
  const hint = `Possible in the section gate: ${Object.keys(SETTINGS).join(', ')}.`;
  return invalidInput('config_invalid', `${path}: ${why}`, hint);
}
