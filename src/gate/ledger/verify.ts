import { canonicalize } from '../../core/canonical.ts';
import { GaitError, invalidInput } from '../../core/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts';
import { epochMs } from '../../core/time.ts';
import { replay } from '../../log/fold.ts';
import { HeadWatch, type KnownHead } from '../../log/known_heads.ts';
import type { Head } from '../../log/record.ts';
import type { EventStore } from '../../log/store.ts';
import { signaturesOf } from '../../signing/signed_document.ts';
import type { TraceFinding } from '../records/verify_trace.ts';
import { USES_STREAM, usesModel, usesRolledBack } from './consumption.ts';
import { CLOCK_SLACK_MS, DECISIONS_STREAM, decisionsModel } from './decisions.ts';

/** A decision log that was read whole. */
export interface DecisionsRead {
  readonly head: Head;
  readonly decided: number;
  readonly refused: number;
  readonly voided: number;
  /** What is wrong with a trace that should be of this log. */
  readonly findings: readonly TraceFinding[];
}

/**
 * Reads a decision log from its first entry on, strictly, and looks for what a trace says of it, and what else is known. Throws LogDamage at the
 * first entry that is not as it was written.
 */
export async function verifyDecisions(
  store: EventStore,
  trace?: JsonObject,
  known: readonly KnownHead[] = [],
): Promise<DecisionsRead> {
  const counts = { decided: 0, refused: 0, voided: 0 };
  const place = trace === undefined ? undefined : placeIn(trace);
  let entry: Entry | undefined;
  let latest: string | undefined;
  const voided = new Set<unknown>();
  const uses = await headsOf(store);
  const rolledBack: TraceFinding[] = [];
  const watch = new HeadWatch(known);
  const { position } = await replay(store, decisionsModel, DECISIONS_STREAM, ({ event, revision, hash }) => {
    const { type, payload } = event as { type: keyof typeof counts; payload: JsonObject };
    counts[type] += 1;
    watch.see({ revision, hash });
    const at = String(event['created_at']);
    if (latest !== undefined && epochMs(at) + CLOCK_SLACK_MS < epochMs(latest)) {
      const message = `entry ${revision} is of ${at}, before one of ${latest}: the clock went back`;
      rolledBack.push({ code: 'clock_went_back', message });
    }
    if (latest === undefined || epochMs(at) > epochMs(latest)) latest = at;
    if (type === 'voided') voided.add(payload['event_id']);
    const seen = payload['uses'];
    if (isJsonObject(seen) && uses.get(Number(seen['revision'])) !== seen['hash']) {
      const message = `decision ${revision} refers to a usage log that differs from the one on disk: it was changed, or replaced by an older copy`;
      rolledBack.push({ code: 'uses_rolled_back', message });
    }
    if (place !== undefined && revision === place.revision && hash === place.hash) entry = { at, payload };
  });
  const { revision, hash } = position;
  const lost = watch.findings(revision).map(({ code, message }) => ({ code, message }));
  if (revision === 0) {
    if (uses.size === 0 && trace === undefined && lost.length === 0) {
      const hint = 'Name the directory of the gate, such as ./gait-out/gate.';
      throw invalidInput('decisions_missing', 'there is no decision log', hint);
    }
    const message = 'the decision log is gone: what was used up, or a trace, tells that there was one';
    rolledBack.push({ code: 'decisions_missing', message });
  }
  const ofTrace = trace === undefined ? [] : traceFindings(trace, entry, voided);
  return { head: { revision, hash }, ...counts, findings: [...rolledBack, ...lost, ...ofTrace] };
}

/** The error that a decision log with findings is refused with: the first, and how many there are. */
export function decisionsError(dir: string, findings: DecisionsRead['findings']): GaitError {
  const [first, ...more] = findings;
  const message = `${dir}: ${first?.message ?? 'unknown finding'}${more.length === 0 ? '' : ` (and ${more.length} more)`}`;
  if (first?.code === 'uses_rolled_back') return usesRolledBack(message);
  return new GaitError({
    code: 'decisions_damaged',
    category: 'verification_failed',
    message,
    hint: 'Put the newest copy of the directory back. Traces that are kept elsewhere tell what it held.',
  });
}

/** The hash of each record of what was used up. */
async function headsOf(store: EventStore): Promise<Map<number, string>> {
  const heads = new Map<number, string>();
  await replay(store, usesModel, USES_STREAM, ({ revision, hash }) => void heads.set(revision, hash));
  return heads;
}

/** Where a trace says that its decision stands. */
export function placeIn(trace: JsonObject): Head | undefined {
  const decision = signaturesOf(trace).ext?.['decision'];
  if (!isJsonObject(decision)) return undefined;
  const { revision, hash } = decision;
  return typeof revision === 'number' && typeof hash === 'string' ? { revision, hash } : undefined;
}

/** An entry of the log, and when it was made. */
interface Entry {
  readonly at: string;
  readonly payload: JsonObject;
}

/** What an entry says for itself alone: no trace names what was used up. */
const OF_LOG_ALONE: ReadonlySet<string> = new Set(['uses']);

/** The members that a trace says otherwise than its entry, wherever in it they stand: a new one that both get counts too. */
function contradictions(trace: JsonObject, { at, payload }: Entry): string[] {
  const ext = signaturesOf(trace).ext ?? {};
  const told = { ...payload, observed_at: at, decided_at: at };
  const entries = Object.entries(told).filter(([name]) => !OF_LOG_ALONE.has(name));
  return entries.flatMap(([name, logged]) => {
    const said = [trace, ext].flatMap((holder) => (Object.hasOwn(holder, name) ? [holder[name]] : []));
    const wanted = canonicalize(logged);
    // A trace has no empty members where other programs would drop them before they digest.
    const isTold = said.length > 0 || wanted === '[]';
    return isTold && said.every((one: Json | undefined) => canonicalize(one) === wanted) ? [] : [name];
  });
}

function traceFindings(
  trace: JsonObject,
  entry: Entry | undefined,
  voided: ReadonlySet<unknown>,
): TraceFinding[] {
  if (entry === undefined) {
    return [{ code: 'decision_missing', message: 'the decision log has no entry of this trace' }];
  }
  const others = contradictions(trace, entry);
  if (others.length > 0) {
    const message = `the decision log says another ${others.join(', ')} than the trace`;
    return [{ code: 'decision_differs', message }];
  }
  if (!voided.has(entry.payload['event_id'])) return [];
  return [{ code: 'decision_voided', message: 'the decision never reached its caller: the log voids it' }];
}
