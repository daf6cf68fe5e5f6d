import { type CommandSpec, command } from '../../cli/command.ts';
import { instantOf } from '../../cli/duration.ts';
import { authorFlags } from '../../cli/flags/job.ts';
import { managedRing, managedRingFlags } from '../../cli/flags/keyring.ts';
import { describeChange } from '../../cli/text/keyring.ts';
import { KEYS_OUTPUT } from '../../cli/text/keys.ts';
import { invalidInput } from '../../core/errors.ts';
import type { Timestamp } from '../../core/time.ts';
import { changeRing } from '../../host/keyring_store.ts';
import { actorOf } from '../../host/workspace/actor.ts';
import { readPublicKey } from '../../signing/key_files.ts';
import { KEY_PURPOSES, type KeyPurpose } from '../../signing/keyring.ts';
import { added } from '../../signing/keyring_change.ts';
import { EMPTY_KEYRING, type KeyringEntry } from '../../signing/keyring_file.ts';
import { keyIdOf } from '../../signing/keys.ts';

const spec: CommandSpec = command({
  output: { schemaId: KEYS_OUTPUT, operation: 'add' },
  summary: 'Add a public key to a keyring: trust it, for which purposes, of whom and for how long.',
  description:
    'Creates the keyring if there is none. What a keyring says of a key never changes: adding it again ' +
    'does nothing, adding it with other purposes fails, and a revoked key cannot be added again.',
  examples: [
    {
      says: 'Let alice approve',
      line: 'keys add --public-key alice_public.key --purpose approver --identity alice',
    },
    {
      says: 'Believe the packs of a build machine until the end of the year',
      line: 'keys add --keyring ring.json --public-key ci.pub --purpose pack --not-after 2027-01-01T00:00:00Z --note "CI, key of 2026"',
    },
  ],
  flags: {
    ...managedRingFlags,
    'public-key': { type: 'string', value: 'FILE', required: true, summary: 'The public key.' },
    purpose: {
      type: 'strings',
      value: 'PURPOSE',
      options: KEY_PURPOSES,
      summary:
        'Purpose that the key is trusted for: gate (traces), approver, delegator, or pack (packs, runs and ' +
        'sessions). Repeatable.',
    },
    identity: {
      type: 'strings',
      value: 'NAME',
      summary: 'Identity that may sign with it. Repeatable; by default any.',
    },
    'not-before': {
      type: 'string',
      value: 'TIME',
      summary: 'Trust the key from this time on, such as 2026-01-31T00:00:00Z.',
    },
    'not-after': { type: 'string', value: 'TIME', summary: 'Trust the key until this time.' },
    note: { type: 'string', value: 'TEXT', summary: 'Note, kept in the keyring: at most 512 characters.' },
    actor: authorFlags.actor,
  },
  async run({ flags }, io) {
    const path = managedRing(flags, io);
    const publicKey = readPublicKey(flags['public-key']);
    const now = io.clock.now();
    const [notBefore, notAfter] = [
      timeOf('not-before', flags['not-before']),
      timeOf('not-after', flags['not-after']),
    ];
    const entry: KeyringEntry = {
      ...{ key_id: keyIdOf(publicKey), public_key: publicKey.toString('base64') },
      purposes: purposesOf(flags.purpose),
      ...(flags.identity.length === 0 ? {} : { identities: [...new Set(flags.identity)] }),
      ...(notBefore === undefined ? {} : { not_before: notBefore }),
      ...(notAfter === undefined ? {} : { not_after: notAfter }),
      ...(flags.note === undefined ? {} : { note: flags.note }),
      ...{ added_at: now, added_by: actorOf(flags.actor, io.env) },
    };
    added(EMPTY_KEYRING, entry); // before a file is made
    const change = await changeRing(path, 'create', (document) => added(document, entry));
    return describeChange(path, entry.key_id, change, now);
  },
});

function purposesOf(texts: readonly string[]): KeyPurpose[] {
  const purposes = KEY_PURPOSES.filter((purpose) => texts.includes(purpose));
  if (purposes.length > 0) return purposes;
  const hint = `Give --purpose ${KEY_PURPOSES.join(' | ')}; see --help.`;
  throw invalidInput('flag_missing', 'missing --purpose PURPOSE: what the key may sign', hint);
}

function timeOf(flag: string, text: string | undefined): Timestamp | undefined {
  return text === undefined ? undefined : instantOf(text, flag);
}

export default spec;
