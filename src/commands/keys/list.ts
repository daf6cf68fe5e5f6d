import { type CommandSpec, command } from '../../cli/command.ts';
import { managedRing, managedRingFlags } from '../../cli/flags/keyring.ts';
import { describeRing } from '../../cli/text/keyring.ts';
import { KEYS_OUTPUT } from '../../cli/text/keys.ts';
import { readRing } from '../../host/keyring_store.ts';

const spec: CommandSpec = command({
  output: { schemaId: KEYS_OUTPUT, operation: 'list' },
  summary: 'List the keys of a keyring, and whether each is trusted now.',
  description: 'Checks the whole keyring: exit 6 if it is not valid.',
  examples: [
    { says: 'List them', line: 'keys list' },
    { says: 'For a script, of another ring', line: 'keys list --keyring ring.json --json' },
  ],
  flags: managedRingFlags,
  async run({ flags }, io) {
    const path = managedRing(flags, io);
    return describeRing(path, readRing(path).keys, io.clock.now());
  },
});

export default spec;
