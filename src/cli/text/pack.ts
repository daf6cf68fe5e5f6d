import { eventOf } from '../../job/read/history.ts';
import type { GuardPackInspection } from '../../pack/kinds/guard/inspect.ts';
import type { JobInspection } from '../../pack/kinds/job/inspect.ts';
import type { OlderJobInspection } from '../../pack/kinds/job/inspect_older.ts';
import type { RunPackInspection } from '../../pack/kinds/run/inspect.ts';
import type { VerifiedPack } from '../../pack/verified.ts';
import type { Io } from '../io.ts';
import { printable } from '../terminal.ts';
import { count, eventLines } from './job.ts';

/** What a pack tells, for people: by what `pack_type` its inspection has. */
export function inspectionLines(pack: VerifiedPack, inspection: object, io: Io): string[] {
  const { pack_type } = inspection as { readonly pack_type: string };
  return Object.hasOwn(LINES, pack_type) ? (LINES[pack_type]?.(pack, inspection, io) ?? []) : [];
}

const LINES: Readonly<Record<string, (pack: VerifiedPack, inspection: object, io: Io) => string[]>> = {
  run: (_, inspection, io) => runLines(inspection as RunPackInspection, io),
  guard: (_, inspection, io) => guardLines(inspection as GuardPackInspection, io),
  job: ({ history }, inspection, io) =>
    history === undefined
      ? olderLines(inspection as OlderJobInspection, io)
      : [...jobLines(inspection as JobInspection, io), '', ...eventLines(history.records.map(eventOf), io)],
};

function runLines({ source_ref, pack_id, run_payload, entries }: RunPackInspection, io: Io): string[] {
  const { capture_mode, intents_count, results_count, refs_count } = run_payload;
  const counts = [
    count(intents_count, 'intent'),
    count(results_count, 'result'),
    count(refs_count, 'receipt'),
  ];
  return [
    `${io.paint('bold', printable(source_ref))}  ${capture_mode} capture`,
    `  pack      ${pack_id}`,
    `  counts    ${counts.join(', ')}`,
    '',
    ...entries.map(({ created_at, status = 'no result', tool_name, intent_id, verdict }) => {
      const end = verdict === undefined ? '' : `  ${printable(verdict)}`;
      return `${created_at}  ${printable(status).padEnd(10)} ${printable(tool_name)}  ${printable(intent_id)}${end}`;
    }),
  ];
}

function guardLines({ source_ref, pack_id, manifest }: GuardPackInspection, io: Io): string[] {
  return [
    `${io.paint('bold', printable(source_ref))}  evidence pack of ${manifest.generated_at}`,
    `  pack      ${printable(pack_id)}`,
    ...manifest.contents.map(({ path, type }) => `  ${printable(type).padEnd(9)} ${printable(path)}`),
  ];
}

function olderLines({ source_ref, pack_id, job_lineage, timeline }: OlderJobInspection, io: Io): string[] {
  return [
    `${io.paint('bold', printable(source_ref))}  of an older producer: its events are not chained`,
    `  pack      ${pack_id}`,
    `  counts    ${[count(job_lineage.event_count, 'event'), count(job_lineage.checkpoint_refs.length, 'checkpoint')].join(', ')}`,
    ...job_lineage.decisions.map(({ checkpoint_id, required_action }) => {
      return `  decision  ${printable(String(checkpoint_id))}  ${printable(String(required_action))}`;
    }),
    ...job_lineage.approvals.map(({ approved_by, approved_at, reason }) => {
      return `  approved  by ${printable(String(approved_by))} at ${printable(String(approved_at))}: ${printable(String(reason))}`;
    }),
    '',
    ...timeline.map(({ revision, created_at, kind, actor, text }) => {
      return `${String(revision).padStart(5)}  ${created_at}  ${printable(kind)}  ${printable(actor)}  ${printable(text)}`;
    }),
  ];
}

function jobLines({ pack_id, source_ref, job_payload, job_lineage }: JobInspection, io: Io): string[] {
  const { checkpoint_count, approval_count, status } = job_payload;
  const decisions = job_lineage.decisions.flatMap(
    ({ checkpoint_id, required_action, approved_by, approved_at, reason, approvals = [] }) => {
      const answer =
        approved_by === undefined
          ? 'open'
          : `approved by ${approved_by} at ${approved_at}${reason === undefined ? '' : `: ${reason}`}`;
      const signed = approvals.map((approval) => {
        return `    signed  by ${printable(approval.approved_by)} with the key ${approval.key_id} until ${approval.expires_at}`;
      });
      return [`  decision  ${checkpoint_id}  ${printable(required_action)}  ${printable(answer)}`, ...signed];
    },
  );
  return [
    `${io.paint('bold', source_ref)}  ${status}`,
    `  pack      ${pack_id}`,
    `  counts    ${[count(job_lineage.event_count, 'event'), count(checkpoint_count, 'checkpoint'), count(approval_count, 'approval')].join(', ')}`,
    `  head      ${job_lineage.head.hash}`,
    ...decisions,
    ...approversOf(job_lineage),
  ];
}

function approversOf({ approval_policy: policy }: JobInspection['job_lineage']): string[] {
  if (policy === undefined) return [];
  const keys = policy.keys.map(({ key_id }) => `            ${key_id}`);
  return [
    `  approvers ${policy.required} of these ${policy.keys.length} keys had to sign each decision:`,
    ...keys,
  ];
}
