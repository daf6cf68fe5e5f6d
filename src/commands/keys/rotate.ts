import { type CommandSpec, command } from '../../cli/command.ts';
import { KEYS_OUTPUT, keyDirFlags, makeKeys } from '../../cli/text/keys.ts';

const spec: CommandSpec = command({
  output: { schemaId: KEYS_OUTPUT, operation: 'rotate' },
  summary: 'Make a new pair of key files beside the old one.',
  description:
    'The name of the new pair contains the time. The old pair stays, since what it signed must remain ' +
    'verifiable; sign with the new one from now on.',
  examples: [{ says: 'Make a new pair', line: 'keys rotate' }],
  flags: keyDirFlags,
  run: async ({ flags }, io) => {
    const stamp = io.clock.now().replace(/\.\d+/, '').replace(/[-:]/g, '');
    return makeKeys(flags['out-dir'], `${flags.prefix}_${stamp}`, false, io);
  },
});

export default spec;
