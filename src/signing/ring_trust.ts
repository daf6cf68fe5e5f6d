import type { Timestamp } from '../core/time.ts';
import type { Keyring } from './keyring.ts';
import type { Trust } from './trust.ts';

/** Whom a reader of packs, runs and sessions believes at a time: the keys of a ring that are for packs and valid then. */
export function packTrust(ring: Keyring, now: Timestamp): Trust {
  return {
    size: ring.size,
    isApprover: (keyId, identity) => ring.believes({ keyId, identity }, 'approver', now),
    fault(signature, digest) {
      const signer = ring.signer(signature, digest, 'pack', now);
      return 'fault' in signer ? signer.fault : undefined;
    },
  };
}
