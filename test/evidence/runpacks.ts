import { sourceOf } from '../../src/files/source.ts';
import { RUN_MANIFEST_SCHEMA_ID } from '../../src/run/documents.ts';
import { collectRecords } from '../../src/run/records.ts';
import { manifestDigestOf, signedDigestOf } from '../../src/run/runpack.ts';
import { verifyRunpack } from '../../src/run/verify.ts';
import type { SignaturePolicy } from '../../src/signing/verify.ts';
import { readContainer } from '../../src/zip/reader.ts';
import { type Files, jcs, sha256, withFile, without, zipFiles } from '../pack/forge.ts';
import type { Prng } from '../simulate/prng.ts';
import { recorded, runpackFiles } from '../support/runs.ts';
import { EXPECTED, type Kind, OWNER, signaturesBy, type Told } from './kind.ts';
import { isMembers, mutated, mutatedLines } from './mutate.ts';

const MANIFEST = 'manifest.json';

/** What verification tells of a runpack. How many signatures stand there is told too, and is nobody's word. */
export function toldOfRunpack(zip: Buffer, policy: SignaturePolicy = EXPECTED): Told {
  const { visit, intents, results } = collectRecords();
  const { verification, manifest, facts } = verifyRunpack(readContainer(sourceOf(zip)), { ...policy, visit });
  if (verification.findings.length > 0) return undefined;
  const { signature_status, run_id, manifest_digest, checks } = verification;
  const { signatures: _, ...said } = manifest ?? {};
  return jcs({ signature_status, run_id, manifest_digest, checks, said, facts, intents, results });
}

/** A member as a forger leaves it: documents and lines stay what they are, with a change. */
export function mutatedMember(files: Files, donor: Files, name: string, p: Prng): Files {
  const text = String(files.get(name) ?? '{}');
  const other = String(donor.get(name) ?? '{}');
  if (p.chance(0.15)) return withFile(files, name, other);
  if (name.endsWith('.jsonl')) return withFile(files, name, mutatedLines(text, other, p, jcs));
  return withFile(files, name, jcs(mutated(JSON.parse(text), JSON.parse(other), p)));
}

/** Some members of a runpack changed, all that no key makes made anew, and signatures as a forger has them. */
export function forgedRunpack(files: Files, donor: Files, p: Prng): Buffer {
  const names = [...files.keys()].filter((name) => name !== MANIFEST);
  let made = without(files, MANIFEST);
  for (let left = p.below(3); left > 0; left -= 1) {
    made = mutatedMember(made, donor, names[p.below(names.length)] ?? MANIFEST, p);
  }
  if (p.chance(0.1)) made = withFile(made, p.pick(['more.json', 'run.JSON', 'x/run.json']), '{}');
  return zipFiles(withFile(made, MANIFEST, jcs(forgedManifest(made, files, donor, p))));
}

function forgedManifest(made: Files, files: Files, donor: Files, p: Prng): unknown {
  const [own, other] = [files, donor].map((one) => JSON.parse(String(one.get(MANIFEST))));
  const { signatures, manifest_digest: _, ...before } = own;
  const listed = [...made].map(([path, bytes]) => ({ path, sha256: sha256(bytes).toString('hex') }));
  const fits = { ...before, files: listed.sort((a, b) => (a.path < b.path ? -1 : 1)) };
  const changed = p.chance(0.4) ? mutated(fits, other, p) : fits;
  if (!isMembers(changed)) return changed;
  const manifest = { schema_id: RUN_MANIFEST_SCHEMA_ID, ...changed } as unknown as typeof own;
  const digest = p.chance(0.9) ? manifestDigestOf({ ...manifest, manifest_digest: '' }) : _;
  const sealed = { ...manifest, manifest_digest: p.chance(0.05) ? digest.toUpperCase() : digest };
  return { ...sealed, signatures: signaturesBy(p, signatures, other.signatures, signedDigestOf(sealed)) };
}

export function runpackKind(): Kind {
  const pairs = [undefined, 'raw'] as const;
  const kept = pairs.map((mode) => {
    const made = ['5', '6'].map((rows) => {
      const results = [{ intent_id: 'a', status: 'ok', result: { rows } }];
      const intents = ['a', 'b'].map((id) => ({ intent_id: id, tool_name: 'db.read', args: { id, rows } }));
      const refs = { receipts: [] };
      const run = {
        run_id: 'run_night',
        env: { os: 'linux', KEY: rows },
        timeline: [{ event: 'e', ref: rows }],
      };
      const input = { run, intents, results, refs, ...(mode === undefined ? {} : { capture_mode: mode }) };
      return runpackFiles(recorded(input), OWNER);
    });
    return made as [Files, Files];
  });
  const honest = new Set(kept.flat().flatMap((files) => toldOfRunpack(zipFiles(files)) ?? []));
  const forge = (p: Prng): Buffer => forgedRunpack(...p.pick(kept as [[Files, Files]]), p);
  return {
    name: 'signed runpacks',
    honest,
    forged: (p) => toldOfRunpack(forge(p)),
    unasked: (p) => toldOfRunpack(forge(p), {}),
  };
}
