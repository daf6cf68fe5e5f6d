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
  summary: 'Revoke a key of a keyring, permanently.',
  description:
    'Nothing that it signed, before or after, verifies with this keyring any longer: nothing proves when ' +
    'a signature was made. Tell everybody who has a keyring of their own.',
  examples: [{ says: 'Revoke a key', line: 'keys revoke --key-id 56475aa75463474c --reason "laptop lost"' }],
  flags: {
    ...managedRingFlags,
    'key-id': {
      type: 'string',
      value: 'ID',
      required: true,
      summary: 'Key id, or a unique prefix of at least 8 digits.',
    },
    reason: {
      type: 'string',
      value: 'TEXT',
      required: true,
      summary: 'Reason, kept in the keyring: at most 512 characters.',
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
