import { type CommandSpec, command } from '../../cli/command.ts';
import { KEYS_OUTPUT, keyDirFlags, makeKeys } from '../../cli/text/keys.ts';

const spec: CommandSpec = command({
  output: { schemaId: KEYS_OUTPUT, operation: 'init' },
  summary: 'Make a pair of Ed25519 key files.',
  description:
    'Both are readable by their owner only. Keep the private key secret; give the public key to whoever ' +
    'should trust what you sign.',
  examples: [
    { says: 'Make a pair', line: 'keys init' },
    { says: 'Elsewhere, under another name', line: 'keys init --out-dir ~/.gait/keys --prefix release' },
  ],
  flags: {
    ...keyDirFlags,
    force: {
      type: 'boolean',
      summary:
        'Replace an existing pair. What it signed can then be verified only with a copy of its public key.',
    },
  },
  run: async ({ flags }, io) => makeKeys(flags['out-dir'], flags.prefix, flags.force, io),
});

export default spec;
