import { clippedList } from '../../../core/report.ts';
import { RUN_MANIFEST_MEMBER } from '../../../run/documents.ts';
import { type VerifiedRunpack, verifyRunpack } from '../../../run/verify.ts';
import { comparableDocument } from '../../comparable.ts';
import { MANIFEST_MEMBER } from '../../manifest.ts';
import type { VerifiedPack } from '../../verified.ts';
import { type EarlierKind, NO_DOCUMENTS, type PayloadKind } from '../kind.ts';
import { inspectRunPack } from './inspect.ts';
import { ENVELOPE_MEMBER, RUN_PAYLOAD_MEMBER, SOURCE_MEMBER } from './members.ts';
import { verifyRunPayload } from './verify.ts';

export const RUN_KIND: PayloadKind = {
  type: 'run',
  documents: [RUN_PAYLOAD_MEMBER, ENVELOPE_MEMBER],
  large: [],
  checks: ['source_runpack'],
  verify({ manifest, container, members, policy: { trust, strict, visit } }, report) {
    const run = verifyRunPayload({ manifest, container, members, trust, strict, visit }, report);
    if (run === undefined) return {};
    const { signatureStatus: source_signature_status, unchecked } = run;
    const files = unchecked.length === 0 ? {} : { unchecked_files: clippedList(unchecked) };
    return { run, told: { source_signature_status, ...files } };
  },
  inspect: inspectRunPack,
  compare({ name, bytes, run }) {
    if (name === SOURCE_MEMBER) return run;
    if (name === ENVELOPE_MEMBER) return { context: run?.['context'] ?? '' };
    return bytes !== undefined && name === RUN_PAYLOAD_MEMBER
      ? { document: comparableDocument(bytes) }
      : undefined;
  },
};

/** The members of a runpack by itself, and which sections of the run each of them is. */
const SECTIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ['intents.jsonl', ['intents']],
  ['results.jsonl', ['results']],
  ['refs.json', ['context']],
  ['run.json', ['environment', 'timeline']],
]);

export const RUNPACK_KIND: EarlierKind = {
  type: 'run',
  legacy: 'runpack',
  isOf({ intact, members }) {
    const has = (name: string): boolean => members.some((member) => member.name === name);
    return intact && !has(MANIFEST_MEMBER) && has(RUN_MANIFEST_MEMBER);
  },
  verify: (container, policy) => asPack(verifyRunpack(container, policy)),
  declared: ({ run }) => run?.manifest.files ?? [],
  stated: ({ run }) => [RUN_MANIFEST_MEMBER, run?.manifest ?? {}],
  inspect: inspectRunPack,
  compare: ({ name, run }) => {
    const sections = SECTIONS.get(name)?.map((section) => [section, run?.[section] ?? ''] as const);
    return sections === undefined ? undefined : Object.fromEntries(sections);
  },
};

function asPack({ verification, manifest, facts }: VerifiedRunpack): VerifiedPack {
  const { run_id, manifest_digest, ...rest } = verification;
  const named = { pack_id: manifest_digest, pack_type: 'run', source_ref: run_id };
  return {
    verification: { ...rest, ...named, legacy_type: 'runpack' },
    documents: NO_DOCUMENTS,
    ...(manifest === undefined || facts === undefined ? {} : { run: { manifest, facts } }),
  };
}
