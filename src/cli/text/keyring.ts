import type { Timestamp } from '../../core/time.ts';
import type { RingChange } from '../../host/keyring_store.ts';
import { keyStatus } from '../../signing/keyring_change.ts';
import type { KeyringEntry } from '../../signing/keyring_file.ts';
import type { Reply } from '../command.ts';
import { printable } from '../terminal.ts';
import { asJson, table } from './job.ts';

/** What a command answers that changed one key of a ring, or found that it was so already. */
export function describeChange(
  path: string,
  keyId: string,
  { document, changed }: RingChange,
  now: Timestamp,
): Reply {
  const keys = document.keys.filter(({ key_id }) => key_id === keyId);
  return {
    fields: { keyring: path, key_id: keyId, changed, keys: keys.map((key) => listed(key, now)) },
    lines: [
      ...keys.flatMap((key) => keyLines(key, now)),
      `keyring   ${printable(path)}${changed ? '' : '  (nothing to change)'}`,
    ],
  };
}

/** All keys of a ring. */
export function describeRing(path: string, keys: readonly KeyringEntry[], now: Timestamp): Reply {
  const header = ['KEY', 'PURPOSES', 'IDENTITIES', 'STATUS', 'NOTE'];
  const rows = keys.map((key) => {
    const { key_id, purposes, identities = ['any'], note = '' } = key;
    const cells = [purposes.join(','), identities.join(', '), statusText(key, now), note];
    return [key_id.slice(0, 16), ...cells.map(printable)];
  });
  return {
    fields: { keyring: path, keys: keys.map((key) => listed(key, now)) },
    lines: rows.length === 0 ? ['no keys'] : table([header, ...rows]),
  };
}

function listed(key: KeyringEntry, now: Timestamp): ReturnType<typeof asJson> {
  return asJson({ ...key, status: keyStatus(key, now) });
}

function keyLines(key: KeyringEntry, now: Timestamp): string[] {
  const { key_id, purposes, identities = ['any'], note } = key;
  return [
    `key id    ${key_id}`,
    `purposes  ${purposes.join(', ')}`,
    `of        ${printable(identities.join(', '))}`,
    `status    ${printable(statusText(key, now))}`,
    ...(note === undefined ? [] : [`note      ${printable(note)}`]),
  ];
}

function statusText(key: KeyringEntry, now: Timestamp): string {
  const { not_before, not_after, revoked_at, revoked_reason } = key;
  switch (keyStatus(key, now)) {
    case 'revoked':
      return `revoked ${revoked_at}: ${revoked_reason}`;
    case 'expired':
      return `expired ${not_after}`;
    case 'not_yet_valid':
      return `not yet valid, from ${not_before}${not_after === undefined ? '' : ` until ${not_after}`}`;
    case 'valid':
      return not_after === undefined ? 'valid' : `valid until ${not_after}`;
  }
}
