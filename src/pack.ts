/** `gait/pack`: portable signed zips from which anyone can check what was done, and the keys that sign them. */

export { writeFileAtomically } from './files/atomic_file.ts';
export { type Pack, streamedMember } from './pack/build.ts';
export { type ComparedPack, diffPacks, type PackComparison, type PackDiff } from './pack/diff.ts';
export type { ApprovalSignatures } from './pack/kinds/job/approval_signatures.ts';
export { buildJobPack } from './pack/kinds/job/build.ts';
export { inspectJobPack, type JobInspection } from './pack/kinds/job/inspect.ts';
export { buildRunPack, type RunSource } from './pack/kinds/run/build.ts';
export { ComparableRun } from './pack/kinds/run/compare.ts';
export { inspectRunPack, type RunPackInspection } from './pack/kinds/run/inspect.ts';
export type { PackVerification, VerificationPolicy, VerifiedPack } from './pack/verified.ts';
export { verifyPack } from './pack/verify.ts';
export { createKeyFiles, keyPaths, readPrivateKey, readPublicKey } from './signing/key_files.ts';
export { type KeyPurpose, Keyring, type SignedBy, type TrustedKey } from './signing/keyring.ts';
export { type KeyringDocument, type KeyringEntry, parseKeyring } from './signing/keyring_file.ts';
export { generateKey, keyIdOf, type PublicKey, type SigningKey } from './signing/keys.ts';
export { packTrust } from './signing/ring_trust.ts';
export { type Signature, signDigest } from './signing/signature.ts';
export { type Trust, TrustSet } from './signing/trust.ts';
export { type Container, type ContainerFile, openContainer, readContainer } from './zip/reader.ts';
export { writeZipAtomically, zipOf } from './zip/writer.ts';
