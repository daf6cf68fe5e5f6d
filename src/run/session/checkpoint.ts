import { canonicalDigest } from '../../core/digest.ts';
import type { JsonObject } from '../../core/json.ts';
import { type CapturedRun, RUN_SCHEMA_VERSION } from '../documents.ts';
import { bondEntries } from './checkpoint_bond.ts';
import {
  checkpointDigestOf,
  nothingPending,
  type SessionCheckpoint,
  type SessionEvent,
  type SessionState,
} from './session.ts';

/** Verdicts under which what was asked was not done. */
const REFUSED: ReadonlySet<string> = new Set(['block', 'require_approval']);

/**
 * The run of a session's next checkpoint: its events since the last one. What an event says is kept in full, since
 * compaction may leave this runpack as the only place that has it. Pure. Throws `no_new_events`.
 */
export function checkpointRun(
  state: SessionState,
  machine: JsonObject,
  producerVersion: string,
  now: string,
): CapturedRun {
  const { header, checkpoints, pending } = state;
  if (pending.length === 0) throw nothingPending();
  const index = checkpoints.length + 1;
  const run_id = `${header.run_id}_cp_${String(index).padStart(4, '0')}`;
  const ids = intentIds(pending);
  const envelope = { schema_version: RUN_SCHEMA_VERSION, run_id };
  const own = { ...envelope, created_at: now, producer_version: producerVersion };
  const emitted = { event: 'session_checkpoint_emitted', ts: now, ref: `checkpoint:${index}` };
  return {
    captureMode: 'raw',
    run: {
      schema_id: 'gait.runpack.run',
      ...own,
      env: machine,
      timeline: [...pending.map(timelineItem), emitted, ...bondEntries(header, checkpoints.at(-1))],
    },
    intents: pending.map((event, i) => ({
      schema_id: 'gait.runpack.intent',
      ...envelope,
      ...origin(event),
      intent_id: ids[i] ?? '',
      tool_name: event.tool_name ?? 'unknown',
      args: argsOf(event),
      args_digest: event.intent_digest || canonicalDigest(argsOf(event)),
    })),
    results: pending.map((event, i) => ({
      schema_id: 'gait.runpack.result',
      ...envelope,
      ...origin(event),
      intent_id: ids[i] ?? '',
      status: REFUSED.has(event.verdict ?? '') ? 'error' : 'ok',
      result: resultOf(event),
      result_digest: canonicalDigest(resultOf(event)),
    })),
    refs: { schema_id: 'gait.runpack.refs', ...own, receipts: [] },
  };
}

/** True for the id that a session's checkpoint has, and for no other that somebody would choose for a run. */
export function isCheckpoint(runId: string): boolean {
  return /_cp_\d{4,}$/.test(runId);
}

/** True for arguments as a checkpoint has them of an event. A tool may have arguments of the same names. */
export function isEventArgs({ session_id, sequence, trace_id, trace_path }: JsonObject): boolean {
  const isPlace = typeof session_id === 'string' && Number.isSafeInteger(sequence) && Number(sequence) > 0;
  return isPlace && typeof trace_id === 'string' && typeof trace_path === 'string';
}

/** True for a result as a checkpoint has it of an event. */
export function isEventResult(result: JsonObject): boolean {
  const { verdict, trace_id, trace_path } = result;
  const isTexts = [verdict, trace_id, trace_path].every((one) => typeof one === 'string');
  return isTexts && ['reason_codes', 'violations'].every((name) => Object.hasOwn(result, name));
}

/** The checkpoint over the pending events, once its runpack has this digest and place. Pure. */
export function sessionCheckpointOf(
  { header, checkpoints, pending }: SessionState,
  runpack: { readonly manifestDigest: string; readonly path: string },
  producerVersion: string,
  now: string,
): SessionCheckpoint {
  const previous = checkpoints.at(-1)?.checkpoint_digest;
  const undigested = {
    schema_id: 'gait.runpack.session_checkpoint',
    schema_version: '1.0.0',
    created_at: now,
    producer_version: producerVersion,
    session_id: header.session_id,
    run_id: header.run_id,
    checkpoint_index: checkpoints.length + 1,
    sequence_start: pending[0]?.sequence ?? 0,
    sequence_end: pending.at(-1)?.sequence ?? 0,
    runpack_path: runpack.path,
    manifest_digest: runpack.manifestDigest,
    ...(previous === undefined ? {} : { prev_checkpoint_digest: previous }),
  };
  return { ...undigested, checkpoint_digest: checkpointDigestOf(undigested) };
}

function origin({ created_at, producer_version }: SessionEvent): {
  created_at: string;
  producer_version: string;
} {
  return { created_at, producer_version };
}

function timelineItem({ created_at, trace_id }: SessionEvent): { event: string; ts: string; ref?: string } {
  const item = { event: 'session_event', ts: created_at };
  return trace_id === undefined || trace_id === '' ? item : { ...item, ref: trace_id };
}

/** An id for each event, each once: its own if it has one that no other took before it, else one made of its place. */
function intentIds(events: readonly SessionEvent[]): string[] {
  const own = new Set(events.map(({ intent_id = '' }) => intent_id));
  const taken = new Set<string>();
  return events.map(({ intent_id = '', sequence }, index) => {
    let id = intent_id;
    if (id === '') id = own.has(`intent_${index + 1}`) ? `event_${sequence}` : `intent_${index + 1}`;
    while (taken.has(id)) id = `${id}_${sequence}`;
    taken.add(id);
    return id;
  });
}

/** What else an event may say, and no other document of a runpack does. */
const ONLY_HERE: readonly string[] = [
  'policy_digest',
  'policy_id',
  'policy_version',
  'matched_rule_ids',
  'relationship',
  'safety_invariant_version',
  'safety_invariant_hash',
];

function argsOf(event: SessionEvent): JsonObject {
  const { session_id, sequence, trace_id = '', trace_path = '' } = event;
  const said = event as unknown as JsonObject;
  const more = ONLY_HERE.flatMap((name) => (said[name] === undefined ? [] : [[name, said[name]] as const]));
  return { session_id, sequence, trace_id, trace_path, ...Object.fromEntries(more) };
}

function resultOf(event: SessionEvent): JsonObject {
  const { verdict = '', trace_id = '', trace_path = '' } = event;
  const { reason_codes = null, violations = null } = event;
  return { verdict, reason_codes, violations, trace_id, trace_path };
}
