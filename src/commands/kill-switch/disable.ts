import { type CommandSpec, command } from '../../cli/command.ts';
import { KILL_SWITCH_OUTPUT, stateFlags, statePath, switchActor } from '../../cli/flags/kill_switch.ts';
import { entryFields, entryLines } from '../../cli/text/kill_switch.ts';
import { invalidInput } from '../../core/errors.ts';
import { changeKillSwitches } from '../../host/kill_switch_store.ts';

const spec: CommandSpec = command({
  output: { schemaId: KILL_SWITCH_OUTPUT, operation: 'disable' },
  summary: 'Disable a kill switch: what it stopped may run again.',
  description: 'The entry stays in the file, with who disabled it and when.',
  examples: [
    { says: 'Let it run again', line: 'kill-switch disable 0b1d6f0a5c3e4d2f8a9b7c6d --actor alice' },
  ],
  args: [
    {
      name: 'ID',
      summary: 'the entry_id of the switch, as `gait kill-switch list` shows it',
      required: true,
    },
  ],
  flags: {
    ...stateFlags,
    actor: {
      type: 'string',
      value: 'NAME',
      env: 'GAIT_ACTOR',
      summary: 'Name of whoever disables it. By default the user of the operating system.',
    },
  },
  async run({ flags, args: [id = ''] }, io) {
    const path = statePath(flags, io);
    const now = io.clock.now();
    const actor = switchActor(flags.actor, io);
    const { entry, changed } = await changeKillSwitches(path, 'update', io, (entries) => {
      const found = entries.find(({ entry_id }) => entry_id === id);
      if (found === undefined) {
        const hint = '`gait kill-switch list` shows them.';
        throw invalidInput('kill_switch_unknown', `no kill switch ${id} in ${path}`, hint);
      }
      if (!found.enabled) return { result: { entry: found, changed: false } };
      const disabled = { ...found, enabled: false, disabled_at: now, disabled_by: actor };
      return {
        entries: entries.map((one) => (one === found ? disabled : one)),
        result: { entry: disabled, changed: true },
      };
    });
    return {
      fields: { state_path: path, changed, entry: entryFields(entry, now) },
      lines: entryLines(entry, now, io),
    };
  },
});

export default spec;
