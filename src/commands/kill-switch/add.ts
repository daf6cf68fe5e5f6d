import { type CommandSpec, command, type FlagValues } from '../../cli/command.ts';
import { milliseconds } from '../../cli/duration.ts';
import { KILL_SWITCH_OUTPUT, stateFlags, statePath, switchActor } from '../../cli/flags/kill_switch.ts';
import type { Io } from '../../cli/io.ts';
import { printable } from '../../cli/terminal.ts';
import { entryFields, entryLines } from '../../cli/text/kill_switch.ts';
import { invalidInput } from '../../core/errors.ts';
import { epochMs, timestamp } from '../../core/time.ts';
import type { KillSwitchEntry } from '../../gate/kill_switch/kill_switch.ts';
import { newKillSwitch, selectorFault } from '../../gate/kill_switch/reader.ts';
import { TARGET_KINDS } from '../../gate/target/endpoint.ts';
import { changeKillSwitches, gatesElsewhere } from '../../host/kill_switch_store.ts';

const flags = {
  ...stateFlags,
  'agent-id': { type: 'string', value: 'ID', summary: 'Stop this agent, and calls that name none.' },
  identity: { type: 'string', value: 'NAME', summary: 'Stop calls of this identity.' },
  'tool-name': { type: 'string', value: 'TOOL', summary: 'Stop this tool.' },
  'target-kind': {
    type: 'string',
    value: 'KIND',
    options: TARGET_KINDS,
    summary: 'Stop calls on targets of this kind.',
  },
  'target-value': {
    type: 'string',
    value: 'VALUE',
    summary: 'Stop calls on this path, URL or other target.',
  },
  environment: {
    type: 'string',
    value: 'NAME',
    summary: 'Stop calls in this environment, and those that name none.',
  },
  'path-prefix': {
    type: 'strings',
    value: 'DIR',
    summary: 'Stop calls on this folder and what is in it. Repeatable.',
  },
  'workspace-prefix': {
    type: 'strings',
    value: 'DIR',
    summary: 'Stop calls from this workspace. Repeatable.',
  },
  all: { type: 'boolean', summary: 'Stop everything.' },
  reason: { type: 'string', value: 'TEXT', required: true, summary: 'Reason, kept with the switch.' },
  actor: {
    type: 'string',
    value: 'NAME',
    env: 'GAIT_ACTOR',
    summary: 'Name of whoever stops it. By default the user of the operating system.',
  },
  ttl: {
    type: 'string',
    value: 'TIME',
    summary: 'How long it stops calls: 30m, 2h, 1d. By default until it is disabled.',
  },
} as const;

const spec: CommandSpec = command({
  output: { schemaId: KILL_SWITCH_OUTPUT, operation: 'add' },
  summary: 'Add a kill switch: stop calls at once, whatever a policy says.',
  description:
    'Stops every call that matches all of the selectors; a call that does not state its agent, ' +
    'environment or targets matches any. A gate reads the switches of the file that it is told of.',
  examples: [
    {
      says: 'Stop a tool for two hours',
      line: "kill-switch add --tool-name tool.deploy --ttl 2h --reason 'bad release'",
    },
    { says: 'Stop everything', line: "kill-switch add --all --reason 'keys are out'" },
  ],
  flags,
  async run({ flags: values }, io) {
    const path = statePath(values, io);
    const members = membersOf(values, io);
    newKillSwitch(members, []); // refused before a file is made for it
    const entry = await changeKillSwitches(path, 'create', io, (entries) => {
      const added = newKillSwitch(members, entries);
      return { entries: [...entries, added], result: added };
    });
    const now = io.clock.now();
    for (const gate of gatesElsewhere(path, io))
      io.note(`warning: the gate of ${printable(gate)} looks elsewhere: stop it with --state-dir`);
    return {
      fields: { state_path: path, changed: true, entry: entryFields(entry, now) },
      lines: [...entryLines(entry, now, io), `  in ${printable(path)}`],
    };
  },
});

function membersOf(values: FlagValues<typeof flags>, io: Io): Omit<KillSwitchEntry, 'entry_id' | 'enabled'> {
  const selectors = {
    ...said('agent_id', values['agent-id']),
    ...said('identity', values.identity),
    ...said('tool_name', values['tool-name']),
    ...said(
      'target_kind',
      TARGET_KINDS.find((kind) => kind === values['target-kind']),
    ),
    ...said('target_value', values['target-value']),
    ...said('environment', values.environment),
    ...listed('path_prefixes', values['path-prefix']),
    ...listed('workspace_prefixes', values['workspace-prefix']),
  };
  const any = Object.keys(selectors).length > 0;
  if (values.all && any)
    throw invalidInput('flags_conflict', '--all stops everything: it takes no other selector');
  if (!values.all && !any) {
    throw invalidInput(
      'flag_missing',
      'nothing says what to stop',
      'Name it, such as --tool-name, or say --all.',
    );
  }
  const created_at = io.clock.now();
  const ttl = values.ttl === undefined ? undefined : milliseconds(values.ttl, 'ttl');
  return {
    ...selectors,
    ...{ reason: values.reason, actor: switchActor(values.actor, io), created_at },
    ...(ttl === undefined ? {} : { expires_at: timestamp(epochMs(created_at) + ttl) }),
  };
}

/** A selector that is empty would stop more than is meant, one that is no name nothing at all. */
function said<N extends string, T extends string>(name: N, value: T | undefined): { readonly [K in N]?: T } {
  if (value === undefined) return {};
  const flag = `--${name.replaceAll('_', '-').replace(/es$/, '')}`;
  if (value.trim() === '') throw invalidInput('flag_value_invalid', `${flag} is empty`, 'Give a value.');
  const fault = selectorFault(name, value);
  if (fault === undefined) return { [name]: value } as { readonly [K in N]?: T };
  throw invalidInput(
    'flag_value_invalid',
    `${flag} ${fault}, which would stand for itself`,
    'Selectors are no patterns: name what to stop, one switch for each, or say --all.',
  );
}

function listed<N extends string>(
  name: N,
  values: readonly string[],
): { readonly [K in N]?: readonly string[] } {
  if (values.length === 0) return {};
  for (const value of values) said(name, value);
  return { [name]: values } as { readonly [K in N]?: readonly string[] };
}

export default spec;
