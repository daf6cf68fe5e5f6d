import type { CheckName, Found, Report } from '../../core/report.ts';
import type { Result, RunIntent } from '../../run/documents.ts';
import type { Members } from '../../schema/documents.ts';
import type { Container } from '../../zip/reader.ts';
import type { Comparable } from '../comparable.ts';
import type { PackManifest } from '../manifest.ts';
import type { PackVerification, VerificationPolicy, VerifiedPack } from '../verified.ts';

/** What one kind of packs adds to what holds of all. A new one is a folder beside this file, and a row in kinds.ts. */
export interface PackKind {
  /** What `--type` and answers call it. */
  readonly type: string;
  /** What it is, if it is from before PackSpec v1. */
  readonly legacy?: PackVerification['legacy_type'];
  /** What a sound pack tells, as answers have it; undefined where it tells nothing. Pure. */
  inspect(pack: VerifiedPack, records: RunRecords): object | undefined;
  /** What counts of a member when packs are compared; undefined for its content. Pure. */
  compare(member: ComparedMember): Comparable | undefined;
}

/** The records of a run that were collected while a pack was verified. */
export interface RunRecords {
  readonly intents: readonly RunIntent[];
  readonly results: readonly Result[];
}

export interface ComparedMember {
  readonly name: string;
  /** Of a document. */
  readonly bytes: Buffer | undefined;
  /** The sections of the run in the pack, if it has one. */
  readonly run: Comparable | undefined;
}

/** A kind under the manifest of PackSpec v1. */
export interface PayloadKind extends PackKind {
  readonly type: PackManifest['pack_type'];
  /** Members that are read into memory to be verified. */
  readonly documents: readonly string[];
  /** Members that are kept for whoever wants what they say. */
  readonly large: readonly string[];
  /** Checks that no other kind has. */
  readonly checks: readonly CheckName[];
  /** Checks what the members say, which are as the manifest declares them. Settles the checks of the payload. */
  verify(source: PayloadSource, report: Report): Payload;
}

export interface PayloadSource {
  readonly manifest: PackManifest;
  readonly container: Container;
  readonly members: Members;
  readonly policy: VerificationPolicy;
}

/** What a payload was found to be. */
export interface Payload extends Pick<VerifiedPack, 'history' | 'run'> {
  /** What answers tell of it beside the checks. */
  readonly told?: Partial<PackVerification>;
  /** What it does not have of the heads that are known; absent where that cannot be told. */
  readonly unknown?: readonly Found[];
}

/** A kind that has a manifest of its own. */
export interface EarlierKind extends PackKind {
  isOf(container: Container): boolean;
  verify(container: Container, policy: VerificationPolicy): VerifiedPack;
  /** The members that are declared, each with its digest. */
  declared(pack: VerifiedPack): readonly DeclaredMember[];
  /** The name of its manifest, and what that states by itself. */
  stated(pack: VerifiedPack): readonly [name: string, manifest: object];
}

export interface DeclaredMember {
  readonly path: string;
  readonly sha256: string;
}

export const NO_DOCUMENTS: ReadonlyMap<string, Buffer> = new Map();
