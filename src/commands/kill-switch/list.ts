import { type CommandSpec, command } from '../../cli/command.ts';
import { KILL_SWITCH_OUTPUT, stateFlags, statePath } from '../../cli/flags/kill_switch.ts';
import { entryFields, entryLines } from '../../cli/text/kill_switch.ts';
import { readKillSwitchFile } from '../../gate/kill_switch/file.ts';

const spec: CommandSpec = command({
  output: { schemaId: KILL_SWITCH_OUTPUT, operation: 'list' },
  summary: 'List the kill switches, including expired and disabled ones.',
  examples: [{ says: 'What is stopped?', line: 'kill-switch list' }],
  flags: stateFlags,
  async run({ flags }, io) {
    const path = statePath(flags, io);
    const entries = readKillSwitchFile(path);
    const now = io.clock.now();
    return {
      fields: { state_path: path, entries: entries.map((entry) => entryFields(entry, now)) },
      lines:
        entries.length === 0 ? ['no kill switches'] : entries.flatMap((entry) => entryLines(entry, now, io)),
    };
  },
});

export default spec;
