import { canonicalDigest } from '../core/digest.ts';
import type { ContextDrift } from '../run/diff.ts';
import { RUN_MANIFEST_MEMBER } from '../run/documents.ts';
import { type Comparable, statementsOf } from './comparable.ts';
import type { DeclaredMember } from './kinds/kind.ts';
import { earlierKindOf, kindOf } from './kinds/kinds.ts';
import { type ComparableRun, comparableContext } from './kinds/run/compare.ts';
import { MANIFEST_MEMBER, PACK_CREATED_AT } from './manifest.ts';
import { PROOF_MEMBER } from './proof_records.ts';
import type { VerifiedPack } from './verified.ts';

/** schemas/v1/pack/diff.schema.json */
export interface PackDiff {
  readonly schema_id: 'gait.pack.diff';
  readonly schema_version: '1.0.0';
  readonly created_at: string;
  readonly left_pack_id: string;
  readonly right_pack_id: string;
  readonly left_pack_type: string;
  readonly right_pack_type: string;
  readonly summary: {
    /** Something of substance differs. */
    readonly changed: boolean;
    readonly added_files?: readonly string[];
    readonly removed_files?: readonly string[];
    /** Members of other bytes; none if nothing of substance differs. */
    readonly changed_files?: readonly string[];
    /** The manifests differ, if only by ids and times in the members. */
    readonly manifest_delta: boolean;
    readonly context_changed?: boolean;
    readonly context_runtime_only_changes?: boolean;
    readonly context_drift_classification: ContextDrift;
  };
}

/** A member that differs, and in what. */
export interface Change {
  readonly member: string;
  readonly sections: readonly string[];
}

export interface PackComparison {
  readonly diff: PackDiff;
  readonly changes: readonly Change[];
}

/** A verified pack, with what it says. */
export interface ComparedPack {
  readonly pack: VerifiedPack;
  /** The members that are declared, each with its digest. */
  readonly declared: readonly DeclaredMember[];
  /** Those that are documents. */
  readonly documents: ReadonlyMap<string, Buffer>;
  /** What was collected of the run in it, if there is one. */
  readonly run: ComparableRun;
}

/** A pack that was verified with `run` as its visitor. */
export function comparedPack(pack: VerifiedPack, run: ComparableRun): ComparedPack {
  const declared = pack.manifest?.contents ?? earlierKindOf(pack)?.declared(pack) ?? [];
  return { pack, declared, documents: pack.documents, run };
}

/**
 * Compares two packs by what they say. What does not matter is left out: ids, times, versions of producers, signatures
 * and records about the packing itself. Pure. Symmetric but for left and right; empty on itself.
 */
export function diffPacks(left: ComparedPack, right: ComparedPack): PackComparison {
  const [l, r] = [substancesOf(left), substancesOf(right)];
  const added = [...r.keys()].filter((name) => !l.has(name) && !MANIFESTS.has(name)).sort();
  const removed = [...l.keys()].filter((name) => !r.has(name) && !MANIFESTS.has(name)).sort();
  const changes = [...l].flatMap(([member, substance]) => {
    const other = r.get(member);
    const sections = other === undefined ? [] : differingSections(substance, other);
    return sections.length === 0 ? [] : [{ member, sections }];
  });
  changes.sort((a, b) => (a.member < b.member ? -1 : 1));
  const substantial = added.length + removed.length + changes.length > 0;
  const stated = changes.flatMap(({ member }) => (MANIFESTS.has(member) ? [member] : []));
  const changedFiles = substantial ? [...differingFiles(left, right), ...stated].sort() : [];
  const drift = driftBetween(left.pack, right.pack);
  const [lv, rv] = [left.pack.verification, right.pack.verification];
  const otherType = lv.pack_type !== rv.pack_type;
  const diff: PackDiff = {
    schema_id: 'gait.pack.diff',
    schema_version: '1.0.0',
    created_at: PACK_CREATED_AT,
    left_pack_id: lv.pack_id,
    right_pack_id: rv.pack_id,
    left_pack_type: lv.pack_type,
    right_pack_type: rv.pack_type,
    summary: {
      changed: otherType || substantial,
      ...(added.length === 0 ? {} : { added_files: added }),
      ...(removed.length === 0 ? {} : { removed_files: removed }),
      ...(changedFiles.length === 0 ? {} : { changed_files: changedFiles }),
      manifest_delta: otherType || stated.length > 0 || contentsDigest(left) !== contentsDigest(right),
      ...(drift === 'none' ? {} : { context_changed: true }),
      ...(drift === 'runtime_only' ? { context_runtime_only_changes: true } : {}),
      context_drift_classification: drift,
    },
  };
  return { diff, changes };
}

/** Manifests are no members that a manifest declares. */
const MANIFESTS: ReadonlySet<string> = new Set([MANIFEST_MEMBER, RUN_MANIFEST_MEMBER]);

function substancesOf({ pack, declared, documents, run }: ComparedPack): Map<string, Comparable> {
  const kind = kindOf(pack);
  const own = earlierKindOf(pack)?.stated(pack);
  const stated: (readonly [string, Comparable])[] = own === undefined ? [] : [[own[0], statementsOf(own[1])]];
  const counted = declared.filter(({ path }) => path !== PROOF_MEMBER);
  const sections = pack.run === undefined ? undefined : run.sections(pack.run.facts);
  const said = counted.map(({ path, sha256 }) => {
    const compared = kind?.compare({ name: path, bytes: documents.get(path), run: sections });
    return [path, compared ?? { content: sha256.toLowerCase() }] as const;
  });
  return new Map([...said, ...stated]);
}

function differingSections(left: Comparable, right: Comparable): string[] {
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].filter((name) => left[name] !== right[name]).sort();
}

function driftBetween(left: VerifiedPack, right: VerifiedPack): ContextDrift {
  if (left.run === undefined || right.run === undefined) return 'none';
  const [l, r] = [comparableContext(left.run.facts.refs), comparableContext(right.run.facts.refs)];
  if (l.what !== r.what) return 'semantic';
  return l.when === r.when ? 'none' : 'runtime_only';
}

/** The members of other bytes that both sides have. */
function differingFiles(left: ComparedPack, right: ComparedPack): string[] {
  const digests = new Map(right.declared.map(({ path, sha256 }) => [path, sha256.toLowerCase()]));
  const differing = left.declared.filter(({ path, sha256 }) => {
    const other = digests.get(path);
    return path !== PROOF_MEMBER && other !== undefined && other !== sha256.toLowerCase();
  });
  return differing.map(({ path }) => path).sort();
}

function contentsDigest({ declared }: ComparedPack): string {
  return canonicalDigest(declared.map(({ path, sha256 }) => [path, sha256.toLowerCase()]).sort());
}
