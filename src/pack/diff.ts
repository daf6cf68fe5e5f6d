import { canonicalDigest } from '../core/digest.ts';
import type { ContextDrift } from '../run/diff.ts';
import { RUN_MANIFEST_MEMBER } from '../run/documents.ts';
import {
  type Comparable,
  type ComparableRun,
  comparableContext,
  comparableDocument,
  comparableEvents,
  statementsOf,
} from './comparable.ts';
import { EVENTS_MEMBER, LEDGER_MEMBER, PAYLOAD_MEMBER, STATE_MEMBER } from './kinds/job/members.ts';
import { ENVELOPE_MEMBER, RUN_PAYLOAD_MEMBER, SOURCE_MEMBER } from './kinds/run/members.ts';
import { MANIFEST_MEMBER, PACK_CREATED_AT } from './manifest.ts';
import { PROOF_MEMBER } from './proof_records.ts';
import type { VerifiedPack } from './verify.ts';

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
  readonly declared: readonly { readonly path: string; readonly sha256: string }[];
  /** Those that are documents. */
  readonly documents: ReadonlyMap<string, Buffer>;
  /** What was collected of the run in it, if there is one. */
  readonly run: ComparableRun;
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

/** The manifests of runpacks and evidence packs say more than what follows from their members. */
function manifestOf({ guard, manifest, run }: VerifiedPack): [name: string, manifest: object] | undefined {
  if (guard !== undefined) return [MANIFEST_MEMBER, guard];
  return manifest === undefined && run !== undefined ? [RUN_MANIFEST_MEMBER, run.manifest] : undefined;
}

function substancesOf({ pack, declared, documents, run }: ComparedPack): Map<string, Comparable> {
  const own = manifestOf(pack);
  const stated: (readonly [string, Comparable])[] = own === undefined ? [] : [[own[0], statementsOf(own[1])]];
  const counted = declared.filter(({ path }) => path !== PROOF_MEMBER);
  const sections = pack.run === undefined ? undefined : run.sections(pack.run.facts);
  const said = counted.map(
    ({ path, sha256 }) => [path, substanceOf(path, sha256, documents, sections)] as const,
  );
  return new Map([...said, ...stated]);
}

const DOCUMENTS: ReadonlySet<string> = new Set([
  LEDGER_MEMBER,
  PAYLOAD_MEMBER,
  STATE_MEMBER,
  RUN_PAYLOAD_MEMBER,
  ENVELOPE_MEMBER,
]);

/** How many events there are, renewals included. */
const COUNTS: Readonly<Record<string, readonly string[]>> = {
  [LEDGER_MEMBER]: ['size'],
  [STATE_MEMBER]: ['revision'],
};

/** The members of a runpack by itself, and which sections of the run each of them is. */
const RUNPACK_SECTIONS: Readonly<Record<string, readonly string[]>> = {
  'intents.jsonl': ['intents'],
  'results.jsonl': ['results'],
  'refs.json': ['context'],
  'run.json': ['environment', 'timeline'],
};

function substanceOf(
  name: string,
  sha256: string,
  documents: ReadonlyMap<string, Buffer>,
  run: Comparable | undefined,
): Comparable {
  const bytes = documents.get(name);
  if (name === SOURCE_MEMBER && run !== undefined) return run;
  if (name === ENVELOPE_MEMBER && run !== undefined) return { context: run['context'] ?? '' };
  const parts =
    run === undefined || !Object.hasOwn(RUNPACK_SECTIONS, name) ? undefined : RUNPACK_SECTIONS[name];
  if (parts !== undefined) return Object.fromEntries(parts.map((part) => [part, run?.[part] ?? '']));
  if (bytes !== undefined && name === EVENTS_MEMBER) return { events: comparableEvents(bytes) };
  if (bytes !== undefined && DOCUMENTS.has(name))
    return { document: comparableDocument(bytes, COUNTS[name]) };
  return { content: sha256.toLowerCase() };
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
