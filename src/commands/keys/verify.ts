import { type CommandSpec, command } from '../../cli/command.ts';
import { privateKeyFlags, privateKeyOf, trustFlags, trustOf } from '../../cli/flags/key.ts';
import { KEYS_OUTPUT } from '../../cli/text/keys.ts';
import { GaitError } from '../../core/errors.ts';

const spec: CommandSpec = command({
  output: { schemaId: KEYS_OUTPUT, operation: 'verify' },
  summary: 'Check a private key, and that a public key belongs to it.',
  description:
    'Without a public key, checks only that the private key is consistent: its seed makes the public ' +
    'half that it contains.',
  examples: [
    {
      says: 'Check a pair',
      line: 'keys verify --private-key gait-out/keys/gait_private.key --public-key gait-out/keys/gait_public.key',
    },
  ],
  flags: { ...privateKeyFlags, ...trustFlags },
  async run({ flags }, io) {
    const { key, source, warnings } = privateKeyOf(flags, io);
    const trust = trustOf(flags, io);
    const matches = trust.size === 0 || trust.keyIds.includes(key.keyId);
    const fields = {
      ...{ key_id: key.keyId, private_key_source: source, warnings: [...warnings] },
      public_key_source: trust.sources.length === 0 ? 'derived' : trust.sources.join(', '),
    };
    for (const warning of warnings) io.note(`warning: ${warning}`);
    if (matches) return { fields, lines: [`${source}: ok, key id ${key.keyId}`] };
    const failure = new GaitError({
      code: 'key_mismatch',
      category: 'verification_failed',
      message: `the public key is not the other half of ${source}`,
      details: { key_id: key.keyId, public_key_ids: [...trust.keyIds] },
    });
    return { fields, lines: [], failure };
  },
});

export default spec;
