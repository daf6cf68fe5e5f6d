import { type CommandSpec, command, type Reply } from '../../cli/command.ts';
import { openAndVerify, PACK_OUTPUT, packArgs, pathFlag, pathOf } from '../../cli/flags/pack.ts';
import type { Io } from '../../cli/io.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson, count, eventLines } from '../../cli/text/job.ts';
import type { JsonObject } from '../../core/json.ts';
import type { JobEvent } from '../../job/events.ts';
import { eventOf } from '../../job/read/history.ts';
import { inspectJobPack, type JobInspection } from '../../pack/inspect.ts';
import {
  type GuardPackInspection,
  inspectGuardPack,
  inspectOlderJobPack,
  inspectRunPack,
  type OlderJobInspection,
  type RunPackInspection,
} from '../../pack/inspect_others.ts';
import { verificationError } from '../../pack/verify.ts';
import { collectRecords } from '../../run/records.ts';

const spec: CommandSpec = command({
  output: { schemaId: PACK_OUTPUT, operation: 'inspect' },
  summary: 'Show what a pack says happened.',
  description:
    'Of a job, shows the timeline, the decisions, who approved them and when, and what was refused; of a ' +
    'run, its intents and their results. The pack is verified first; one that does not verify is not ' +
    'shown (exit 2).',
  examples: [{ says: 'Show a pack', line: 'pack inspect ./gait-out/pack_1f…e9.zip' }],
  args: packArgs,
  flags: { path: pathFlag },
  async run(input, io) {
    const path = pathOf(input);
    const { inspection, lines } = await inspect(path, io);
    const { pack_id, pack_type, source_ref } = inspection;
    return { fields: { path, ...asJson({ pack_id, pack_type, source_ref }), inspect: inspection }, lines };
  },
});

async function inspect(path: string, io: Io): Promise<{ inspection: JsonObject; lines: Reply['lines'] }> {
  const { intents, results, visit } = collectRecords();
  const pack = await openAndVerify(path, io, { visit });
  const { verification, manifest, history, guard, documents } = pack;
  if (verification.findings.length > 0) throw verificationError(verification, path);
  const run = inspectRunPack(pack, { intents, results });
  if (run !== undefined) return { inspection: asJson(run), lines: describeRun(run, io) };
  if (guard !== undefined) {
    const evidence = inspectGuardPack(guard);
    return { inspection: asJson(evidence), lines: describeGuard(evidence, io) };
  }
  if (manifest === undefined) throw verificationError(verification, path);
  if (history === undefined) {
    const older = inspectOlderJobPack(manifest, documents);
    return { inspection: asJson(older), lines: describeOlder(older, io) };
  }
  const job = inspectJobPack(manifest, history);
  return { inspection: asJson(job), lines: describe(job, history.records.map(eventOf), io) };
}

function describeRun({ source_ref, pack_id, run_payload, entries }: RunPackInspection, io: Io): string[] {
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

function describeGuard({ source_ref, pack_id, manifest }: GuardPackInspection, io: Io): string[] {
  return [
    `${io.paint('bold', printable(source_ref))}  evidence pack of ${manifest.generated_at}`,
    `  pack      ${printable(pack_id)}`,
    ...manifest.contents.map(({ path, type }) => `  ${printable(type).padEnd(9)} ${printable(path)}`),
  ];
}

function describeOlder({ source_ref, pack_id, job_lineage, timeline }: OlderJobInspection, io: Io): string[] {
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

function describe(
  { pack_id, source_ref, job_payload, job_lineage }: JobInspection,
  events: readonly JobEvent[],
  io: Io,
): string[] {
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
    '',
    ...eventLines(events, io),
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

export default spec;
