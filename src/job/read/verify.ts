import { canonicalize } from '../../core/canonical.ts';
import { GaitError } from '../../core/errors.ts';
import { replay } from '../../log/fold.ts';
import { HeadWatch, type KnownHead } from '../../log/known_heads.ts';
import { type Head, LogDamage, type Position } from '../../log/record.ts';
import { LOG_START } from '../../log/scan.ts';
import type { EventStore, Residue, Snapshot } from '../../log/store.ts';
import { jobModel } from '../model.ts';
import { jobNotFound } from '../refusals.ts';
import { jobFromSnapshot, jobToSnapshot } from '../state.ts';
import type { JobHistory } from './history.ts';

export interface VerifiableStore extends EventStore {
  residue?(stream: string): Promise<Residue>;
}

export interface JobFinding {
  readonly code: string;
  readonly message: string;
  readonly revision?: number;
  readonly offset?: number;
}

export interface JobVerification {
  readonly events_checked: number;
  readonly head: Head | null;
  readonly snapshot: 'absent' | 'equal' | 'differs' | 'unusable';
  readonly torn_tail_bytes: number;
  /** Empty when the log is sound. */
  readonly findings: readonly JobFinding[];
}

/** What is known of a log beside it. */
export interface KnownHeads {
  /** By whoever asks. */
  readonly expected?: readonly KnownHead[];
  /** By what lies beside it: what a repair cut, and says so, may stand there. */
  readonly remembered?: readonly KnownHead[];
}

/**
 * Checks a job's log from its first event: chain, canonical bytes, every event legal, the snapshot equal to the fold, and
 * that it has every head that is known of it, but for those that a repair cut and that it says so of.
 * Reads only. Throws `job_not_found`; everything that is wrong with the log is a finding.
 */
export async function verifyJob(
  store: VerifiableStore,
  jobId: string,
  { expected = [], remembered = [] }: KnownHeads = {},
): Promise<JobVerification> {
  const snapshot = await store.loadSnapshot(jobId);
  const findings: JobFinding[] = [];
  let snapshotEqual: boolean | undefined;
  let position: Position = LOG_START;
  const [asked, told] = [new HeadWatch(expected), new HeadWatch(remembered)];
  let repaired: number | undefined;
  try {
    await replay(store, jobModel, jobId, (record, state) => {
      position = record;
      asked.see(record);
      told.see(record);
      if (record.event['type'] === 'repaired') repaired ??= record.revision;
      if (record.revision === snapshot?.position.revision) {
        // One of another version is used by nobody, so it misleads nobody.
        if (jobFromSnapshot(snapshot.state, jobId, record.revision) === undefined) return;
        snapshotEqual = canonicalize(jobToSnapshot(state)) === canonicalize(snapshot.state);
      }
    });
  } catch (error) {
    if (!(error instanceof LogDamage)) throw error;
    const { damage, revision, offset, message } = error;
    findings.push({ code: damage, message, revision, offset });
  }
  const whole = findings.length === 0;
  const end = position.revision;
  const unsaid = unsaidBy(repaired, told.findings(end));
  if (whole && end > 0) findings.push(...asked.findings(end), ...unsaid);
  const residue = await store.residue?.(jobId);
  const ahead = residue?.snapshotRevision ?? 0;
  if (ahead > position.revision && findings.length === 0)
    findings.push(aheadFinding(ahead, position.revision));
  if (position.revision === 0 && findings.length === 0) throw jobNotFound(jobId);
  if (snapshot !== undefined && snapshotEqual === false) findings.push(snapshotFinding(snapshot));
  return {
    events_checked: position.revision,
    head: position.revision === 0 ? null : { revision: position.revision, hash: position.hash },
    snapshot: snapshotVerdict(snapshot, snapshotEqual, residue),
    torn_tail_bytes: residue?.tailBytes ?? 0,
    findings,
  };
}

function snapshotVerdict(
  snapshot: Snapshot | undefined,
  equal: boolean | undefined,
  residue: Residue | undefined,
): JobVerification['snapshot'] {
  if (snapshot === undefined) return residue?.snapshotFile === true ? 'unusable' : 'absent';
  if (equal === undefined) return 'unusable';
  return equal ? 'equal' : 'differs';
}

function aheadFinding(ahead: number, revision: number): JobFinding {
  return {
    code: 'snapshot_ahead',
    message: `the snapshot is of revision ${ahead}, the log ends at ${revision}: its last events were cut off`,
    revision,
  };
}

function snapshotFinding({ position }: Snapshot): JobFinding {
  return {
    code: 'snapshot_differs',
    message: `the snapshot at revision ${position.revision} is not the fold of the log; delete it, it is only a cache`,
    revision: position.revision,
  };
}

/** What of the heads that are remembered of a job its history does not have, and does not say that a repair cut it. */
export function missingHeads(
  { records }: JobHistory,
  remembered: readonly KnownHead[],
): readonly JobFinding[] {
  const watch = new HeadWatch(remembered);
  for (const record of records) watch.see(record);
  const repair = records.find(({ event }) => event['type'] === 'repaired');
  return unsaidBy(repair?.revision, watch.findings(records.at(-1)?.revision ?? 0));
}

function unsaidBy<F extends { readonly revision: number }>(
  repaired: number | undefined,
  findings: readonly F[],
): readonly F[] {
  return findings.filter(({ revision }) => revision < (repaired ?? Number.POSITIVE_INFINITY));
}

/** The error that a job which does not verify is refused with. */
export function jobDamaged(id: string, finding: JobFinding): GaitError {
  return new GaitError({
    code: 'job_damaged',
    category: 'verification_failed',
    message: `job ${id} does not verify: ${finding.message}`,
    hint: finding.code.startsWith('head_')
      ? 'Its last events were cut off, or it is another log: ask who keeps the machine.'
      : finding.code.startsWith('snapshot')
        ? 'A snapshot is a cache: with snapshot.json deleted, the job is folded from its log.'
        : '`gait job repair`, for the same job, shows what a repair would cut.',
    details: { ...finding },
  });
}
