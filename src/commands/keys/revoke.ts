import { type CommandSpec, command } from '../../cli/command.ts';
import { authorFlags } from '../../cli/flags/job.ts';
import { managedRing, managedRingFlags } from '../../cli/flags/keyring.ts';
import { describeChange } from '../../cli/text/keyring.ts';
import { KEYS_OUTPUT } from '../../cli/text/keys.ts';
import { changeRing, readRing } from '../../host/keyring_store.ts';
import { actorOf } from '../../host/workspace/actor.ts';
import { keyByPrefix, revoked } from '../../signing/keyring_change.ts';

const spec: CommandSpec = command({
  output: { schemaId: KEYS_OUTPUT, operation: 'revoke' },
  summary: 'Revoke a key of a keyring, for ever.',
  description:
    'Whatever it signed, before or after, no longer verifies with this ring: nothing proves when a signature was made. ' +
    'Tell whoever has a ring of their own.',
  examples: [{ says: 'Revoke a key', line: 'keys revoke --key-id 56475aa75463474c --reason "laptop lost"' }],
  flags: {
    ...managedRingFlags,
    'key-id': {
      type: 'string',
      value: 'ID',
      required: true,
      summary: 'The key: its id, or at least 8 digits with which no other begins.',
    },
    reason: {
      type: 'string',
      value: 'TEXT',
      required: true,
      summary: 'Why; kept in the ring. At most 512 characters.',
    },
    actor: authorFlags.actor,
  },
  async run({ flags }, io) {
    const path = managedRing(flags, io);
    const { key_id } = keyByPrefix(readRing(path), flags['key-id']);
    const [now, by] = [io.clock.now(), actorOf(flags.actor, io.env)];
    const change = await changeRing(path, 'update', (document) =>
      revoked(document, key_id, now, flags.reason, by),
    );
    return describeChange(path, key_id, change, now);
  },
});

export default spec;
