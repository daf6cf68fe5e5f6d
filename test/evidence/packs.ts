import { sourceOf } from '../../src/files/source.ts';
import { type PackManifest, signedPackDigestOf } from '../../src/pack/manifest.ts';
import { verifyPack } from '../../src/pack/verify.ts';
import { signDigest } from '../../src/signing/signature.ts';
import type { SignaturePolicy } from '../../src/signing/verify.ts';
import { readContainer, readMember } from '../../src/zip/reader.ts';
import {
  type Document,
  EVENTS,
  eventsOf,
  type Files,
  filesOf,
  forge,
  jcs,
  manifestFor,
  packIdFormula,
  rechained,
  renumbered,
  withFile,
} from '../pack/forge.ts';
import type { Prng } from '../simulate/prng.ts';
import { ask, checkpoint, submit } from '../support/given.ts';
import { historyOf, STORY } from '../support/pack.ts';
import { EXPECTED, type Kind, OWNER, signaturesBy, type Told } from './kind.ts';
import { isMembers, mutated } from './mutate.ts';
import { mutatedMember } from './runpacks.ts';

interface Sealed {
  readonly files: Files;
  readonly manifest: PackManifest;
}

function sealed(files: Files): Sealed {
  const manifest = manifestFor(files) as unknown as PackManifest;
  return { files, manifest: { ...manifest, signatures: [signDigest(signedPackDigestOf(manifest), OWNER)] } };
}

/** What verification tells of a pack, and what is in it. How many signatures there are is nobody's word. */
function toldOfPack(zip: Buffer, policy: SignaturePolicy): Told {
  const container = readContainer(sourceOf(zip));
  const { verification } = verifyPack(container, policy);
  if (verification.findings.length > 0) return undefined;
  const { signatures_total: _, signatures_valid: __, signature_errors: ___, ...said } = verification;
  const members = container.members.map((member) => {
    const text = String(readMember(container, member, { keep: true }).bytes);
    if (member.name !== 'pack_manifest.json') return [member.name, text];
    const { signatures: ____, ...manifest } = JSON.parse(text);
    return [member.name, manifest];
  });
  return jcs([JSON.parse(JSON.stringify(said)), members]);
}

function forgedPack(own: Sealed, donor: Sealed, p: Prng): Buffer {
  const names = [...own.files.keys()];
  let made = own.files;
  for (let left = p.below(3); left > 0; left -= 1) {
    made = mutatedMember(made, donor.files, names[p.below(names.length)] ?? EVENTS, p);
  }
  if (p.chance(0.5)) made = chained(made, p);
  if (p.chance(0.1)) made = withFile(made, p.pick(['more.json', 'run.json', 'manifest.json']), '{}');
  const { signatures, pack_id, ...before } = own.manifest;
  const { pack_id: _, contents } = manifestFor(made);
  const fits = { ...before, contents } as Document;
  const changed = p.chance(0.4) ? mutated(fits, donor.manifest, p) : fits;
  if (!isMembers(changed)) return forge(made, Buffer.from(jcs(changed)));
  const id = p.chance(0.9) ? packIdFormula(changed) : pack_id;
  const manifest = { ...changed, pack_id: p.chance(0.05) ? id.toUpperCase() : id } as unknown as PackManifest;
  const others = donor.manifest.signatures ?? [];
  const under = signaturesBy(p, signatures ?? [], others, signedPackDigestOf(manifest));
  return forge(made, { ...manifest, signatures: under } as unknown as Document);
}

/** The ledger made to fit the events; they may be numbered anew. Lines that are no events stay as they are. */
function chained(files: Files, p: Prng): Files {
  const events = eventsOf(files);
  if (!events.every(isMembers)) return files;
  return rechained(files, p.chance(0.5) ? renumbered(events) : events);
}

export async function packKind(): Promise<Kind> {
  const other = [{ command: submit() }, { command: checkpoint('plan', 'x') }, { command: ask('y') }];
  const kept = [sealed(filesOf(await historyOf(STORY))), sealed(filesOf(await historyOf(other)))];
  const [one, two] = kept as [Sealed, Sealed];
  const asBytes = ({ files, manifest }: Sealed): Buffer => forge(files, manifest as unknown as Document);
  const honest = new Set(kept.flatMap((pack) => toldOfPack(asBytes(pack), EXPECTED) ?? []));
  const forged = (p: Prng): Buffer => (p.chance(0.5) ? forgedPack(one, two, p) : forgedPack(two, one, p));
  return {
    name: 'signed job packs',
    honest,
    forged: (p) => toldOfPack(forged(p), EXPECTED),
    unasked: (p) => toldOfPack(forged(p), {}),
  };
}
