import { GaitError } from '../../core/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts';
import { epochMs, type Timestamp } from '../../core/time.ts';
import type { StreamModel } from '../../log/fold.ts';
import type { Decided } from '../../log/stream.ts';
import validateEvent from '../../schema/generated/gate_uses_event.js';
import { schemaFault } from '../../schema/validator.ts';
import { type Limit, windowEnd } from './limits.ts';

/** The one stream in which a gate keeps what was used up. */
export const USES_STREAM = 'uses';
export const USES_ID_FIELD = 'ledger_id';

/** An admission can be given back for this long. Milliseconds. */
const RELEASABLE_MS = 86_400_000;

/** Counters outlive their window by this much: a clock may be set back a little. Milliseconds. */
const KEPT_MS = 7_200_000;

/** What was used up, and what was taken back. */
export interface UsesState {
  readonly revision: number;
  /** By the digest of a token: which call used it. */
  readonly used: Readonly<Record<string, string>>;
  /** By the digest or the id of a token: why it was taken back. */
  readonly revoked: Readonly<Record<string, string>>;
  /** By the key of a limit: how many calls counted. */
  readonly counts: Readonly<Record<string, number>>;
  /** By its id: when an admission was made that may still be given back. */
  readonly admitted: Readonly<Record<string, Timestamp>>;
}

export const NO_USES: UsesState = { revision: 0, used: {}, revoked: {}, counts: {}, admitted: {} };

/** What a call uses up, all of it or nothing. */
export interface Admission {
  /** Of this call of a gate, and no other: 24 hexadecimal digits. */
  readonly admission_id: string;
  /** Digests of the approvals. */
  readonly tokens: readonly string[];
  /** Digests and ids of all that the decision is by: none of it may have been taken back meanwhile. */
  readonly unrevoked?: readonly string[];
  readonly limits: readonly Limit[];
}

type UsesEvent =
  | { readonly type: 'call_admitted' | 'admission_released'; readonly payload: AdmissionRecord }
  | { readonly type: 'token_revoked'; readonly payload: Revocation };

interface AdmissionRecord {
  readonly admission_id: string;
  readonly tokens: readonly string[];
  readonly counters: readonly string[];
}

/** Which token is taken back: by its digest, or by its id where that is all that is known. */
export interface Revocation {
  readonly token: string;
  readonly reason: string;
}

export const usesModel: StreamModel<UsesState> = {
  idField: USES_ID_FIELD,
  initial: NO_USES,
  evolve(state, event) {
    const fault = schemaFault(validateEvent, event);
    if (fault !== undefined || event['revision'] !== state.revision + 1) {
      throw illegal(fault ?? 'wrong revision');
    }
    const { created_at } = event as unknown as { created_at: Timestamp };
    return { ...fold(state, event as unknown as UsesEvent, created_at), revision: state.revision + 1 };
  },
  requiresFullReplay: () => true,
  snapshot: {
    save: ({ revision, used, revoked, counts, admitted }) => ({ revision, used, revoked, counts, admitted }),
    load({ revision, used, revoked, counts, admitted }, _stream, expected) {
      if (revision !== expected || !isMapOf(counts, 'number')) return undefined;
      const texts = [used, revoked, admitted];
      if (!texts.every((one) => isMapOf(one, 'string'))) return undefined;
      return { revision: expected, used, revoked, counts, admitted } as unknown as UsesState;
    },
  },
};

function isMapOf(value: unknown, type: 'string' | 'number'): boolean {
  return (
    isJsonObject(value as Json) && Object.values(value as JsonObject).every((one) => typeof one === type)
  );
}

function fold(state: UsesState, event: UsesEvent, at: Timestamp): UsesState {
  if (event.type === 'token_revoked') {
    const { token, reason } = event.payload;
    return { ...state, revoked: { ...state.revoked, [token]: reason } };
  }
  const { admission_id, tokens, counters } = event.payload;
  const admitted = recent(state.admitted, at);
  if (event.type === 'call_admitted') {
    const twice = tokens.find((token, at) => tokens.indexOf(token) < at || Object.hasOwn(state.used, token));
    if (twice !== undefined) throw illegal(`the approval ${twice} is used a second time`);
    if (Object.hasOwn(admitted, admission_id))
      throw illegal(`the admission ${admission_id} is made a second time`);
    const now = Object.fromEntries(tokens.map((token) => [token, admission_id]));
    const used = tokens.length === 0 ? state.used : { ...state.used, ...now };
    const counts = counted(state.counts, counters, 1, at);
    return { ...state, used, counts, admitted: { ...admitted, [admission_id]: at } };
  }
  const foreign = tokens.find((token) => state.used[token] !== admission_id);
  if (foreign !== undefined) throw illegal(`the approval ${foreign} was not used by ${admission_id}`);
  if (!Object.hasOwn(admitted, admission_id)) throw illegal(`no admission ${admission_id} can be given back`);
  const { [admission_id]: _, ...others } = admitted;
  const used = Object.fromEntries(Object.entries(state.used).filter(([token]) => !tokens.includes(token)));
  return { ...state, used, counts: counted(state.counts, counters, -1, at), admitted: others };
}

/** What can no longer be given back is forgotten. */
function recent(admitted: UsesState['admitted'], at: Timestamp): Record<string, Timestamp> {
  const oldest = epochMs(at) - RELEASABLE_MS;
  return Object.fromEntries(Object.entries(admitted).filter(([, made]) => epochMs(made) > oldest));
}

/** The counters after some of them moved, without those whose window is long over. */
function counted(
  counts: UsesState['counts'],
  keys: readonly string[],
  by: 1 | -1,
  at: Timestamp,
): Record<string, number> {
  const oldest = epochMs(at) - KEPT_MS;
  const kept = Object.entries(counts).filter(([key]) => (windowEnd(key) ?? 0) > oldest);
  const moved: Record<string, number> = Object.fromEntries(kept);
  for (const key of keys) {
    if (by > 0 || moved[key] !== undefined) moved[key] = Math.max(0, (moved[key] ?? 0) + by);
  }
  return moved;
}

/** Lets a call in: every approval is unused and not taken back, every limit has room, or nothing happens. Pure. */
export function decideAdmission(state: UsesState, admission: Admission, now: Timestamp): Decided {
  const { admission_id, tokens, limits, unrevoked = [] } = admission;
  const gone = tokens.find((token) => Object.hasOwn(state.used, token));
  if (gone !== undefined) return { events: [], refusal: notAdmitted(`the approval ${gone} is used up`) };
  const back = [...tokens, ...unrevoked].find((token) => Object.hasOwn(state.revoked, token));
  if (back !== undefined) return { events: [], refusal: notAdmitted(`the token ${back} was taken back`) };
  const full = limits.find(({ key, requests, amount }) => countOf(state, key) + amount > requests);
  if (full !== undefined) return { events: [], refusal: notAdmitted(`the limit ${full.key} is reached`) };
  const counters = countersOf(limits);
  return { events: [usesEvent(state, 'call_admitted', { admission_id, tokens, counters }, now)] };
}

/** Gives back what a call used up that was not let through after all. Pure. */
export function decideRelease(
  state: UsesState,
  { admission_id, tokens, limits }: Admission,
  now: Timestamp,
): Decided {
  const isOurs = Object.hasOwn(recent(state.admitted, now), admission_id);
  if (!isOurs || tokens.some((token) => state.used[token] !== admission_id)) return { events: [] };
  const counters = countersOf(limits);
  return { events: [usesEvent(state, 'admission_released', { admission_id, tokens, counters }, now)] };
}

/** Takes a token back; nothing happens if it was taken back before. Pure. */
export function decideRevocation(state: UsesState, revocation: Revocation, now: Timestamp): Decided {
  if (Object.hasOwn(state.revoked, revocation.token)) return { events: [] };
  return { events: [usesEvent(state, 'token_revoked', revocation, now)] };
}

/** The key of each limit, as often as the call takes a place of it. */
function countersOf(limits: readonly Limit[]): string[] {
  return limits.flatMap(({ key, amount }) => Array.from({ length: amount }, () => key));
}

export function countOf({ counts }: UsesState, key: string): number {
  return Object.hasOwn(counts, key) ? (counts[key] ?? 0) : 0;
}

function usesEvent(
  { revision }: UsesState,
  type: UsesEvent['type'],
  payload: AdmissionRecord | Revocation,
  now: Timestamp,
): JsonObject {
  return {
    schema_id: 'gait.gate.uses_event',
    schema_version: '1.0.0',
    [USES_ID_FIELD]: USES_STREAM,
    revision: revision + 1,
    created_at: now,
    type,
    payload: payload as unknown as JsonObject,
  };
}

function notAdmitted(message: string): GaitError {
  return new GaitError({ code: 'not_admitted', category: 'policy_blocked', message });
}

function illegal(why: string): GaitError {
  const message = `not the next event of what was used up: ${why}`;
  return new GaitError({ code: 'illegal_event', category: 'verification_failed', message });
}

/** Decisions saw another log of what was used up than the one that is there. */
export function usesRolledBack(message: string): GaitError {
  return new GaitError({
    code: 'uses_rolled_back',
    category: 'verification_failed',
    message,
    hint: 'An older log was put in its place, or it is damaged: approvals could be used again. Put the newest one back.',
  });
}
