import { canonicalBytes } from '../../../core/canonical.ts';
import { contextEnvelopeOf } from '../../../run/context.ts';
import type { RunManifest } from '../../../run/documents.ts';
import type { RunFacts } from '../../../run/verify.ts';
import type { SigningKey } from '../../../signing/keys.ts';
import { memberOf, type Pack, type PackMember, sealPack } from '../../build.ts';
import { checkContext, ENVELOPE_MEMBER, RUN_PAYLOAD_MEMBER, runPayloadOf } from './members.ts';

/** What the builder of a run pack has verified. */
export interface RunSource {
  readonly manifest: RunManifest;
  readonly facts: RunFacts;
  /** The runpack itself, byte for byte. */
  readonly runpack: PackMember;
}

/** The pack of a verified runpack. Throws `context_digest_wrong`. Pure: signing does not change the pack's id. */
export function buildRunPack(source: RunSource, producerVersion: string, key?: SigningKey): Pack {
  const { manifest, facts, runpack } = source;
  checkContext(facts);
  const envelope = contextEnvelopeOf(facts.refs);
  const members = [
    ...(envelope === undefined ? [] : [memberOf(ENVELOPE_MEMBER, canonicalBytes(envelope))]),
    memberOf(RUN_PAYLOAD_MEMBER, canonicalBytes(runPayloadOf(manifest, facts))),
    runpack,
  ];
  return sealPack({ packType: 'run', sourceRef: manifest.run_id, producerVersion, members }, key);
}
