import { sameName, wordList } from '../../core/text.ts';
import { epochMs, type Timestamp } from '../../core/time.ts';
import type { Intent, IntentRequest, Target } from '../intent/intent.ts';
import { callsOf } from '../intent/script.ts';
import type { Judgement } from '../rules/judgement.ts';
import { inWorkspace } from '../rules/match.ts';
import type { TargetKind } from '../target/endpoint.ts';
import { patternOf, someWork, type Work } from '../target/glob.ts';
import { mayBeOfKind } from '../target/likeness.ts';
import { meaningsOf, placesOf, surroundingsOf } from '../target/meanings.ts';
import { namesPlace } from '../target/named_places.ts';
import { isAbove } from '../target/path_patterns.ts';
import { isNetworkPlace, isWithin, plainPath } from '../target/places.ts';
import { literal, type Surroundings } from '../target/readings.ts';

/** What is stopped: calls that every selector fits. One without selectors stops all. */
export interface KillSwitchEntry {
  readonly entry_id: string;
  readonly enabled: boolean;
  readonly agent_id?: string;
  readonly identity?: string;
  readonly tool_name?: string;
  readonly target_kind?: TargetKind;
  readonly target_value?: string;
  readonly environment?: string;
  readonly path_prefixes?: readonly string[];
  readonly workspace_prefixes?: readonly string[];
  readonly reason: string;
  readonly actor: string;
  readonly created_at: Timestamp;
  readonly expires_at?: Timestamp;
  readonly disabled_at?: Timestamp;
  readonly disabled_by?: string;
}

export interface KillSwitchHit {
  readonly entry_ids: readonly string[];
  readonly reasons: readonly string[];
  readonly violations: readonly string[];
}

/** True for an entry that is enabled and not over. */
export function isActive({ enabled, expires_at }: KillSwitchEntry, now: Timestamp): boolean {
  return enabled && (expires_at === undefined || epochMs(expires_at) > epochMs(now));
}

/**
 * What stops a call, or any step of a script; undefined if nothing does. What a call does not say, and what cannot be placed, fits a selector:
 * nobody gets around a stop by saying less. Throws `timestamp_malformed` for a time that is none.
 */
export function killed(
  entries: readonly KillSwitchEntry[],
  request: IntentRequest,
  now: Timestamp,
  home?: string,
): KillSwitchHit | undefined {
  const active = entries.filter((entry) => isActive(entry, now));
  if (active.length === 0) return undefined;
  const calls = callsOf(request.intent).map((intent) => callOf(request, intent, home));
  const hits = active.filter((entry) => calls.some((call) => fitsAll(entry, call)));
  if (hits.length === 0) return undefined;
  const codes = hits.flatMap((entry) =>
    SELECTORS.filter(({ isSet }) => isSet(entry)).map(({ code }) => code),
  );
  return {
    entry_ids: hits.map(({ entry_id }) => entry_id),
    reasons: wordList(['kill_switch_active', ...codes]),
    violations: ['kill_switch_active'],
  };
}

/** A call with all that its targets may mean. */
interface Call extends IntentRequest {
  readonly surroundings: Surroundings;
  readonly work: Work;
}

function callOf(request: IntentRequest, said: Intent, home: string | undefined): Call {
  const work = someWork();
  const surroundings = surroundingsOf(said, { home, work });
  const targets = said.targets.flatMap((target) => meaningsOf(target, surroundings));
  return { ...request, intent: { ...said, targets }, surroundings, work };
}

function fitsAll(entry: KillSwitchEntry, call: Call): boolean {
  return SELECTORS.every(({ isSet, fits }) => !isSet(entry) || fits(entry, call));
}

/** A decision as it is while these entries stand, whatever it was before: a stop is no duty that can be met. */
export function underKillSwitch(
  decision: Judgement,
  entries: readonly KillSwitchEntry[],
  request: IntentRequest,
  now: Timestamp,
  home?: string,
): Judgement {
  const hit = hitOrFault(entries, request, now, home);
  if (hit === undefined) return decision;
  return {
    ...decision,
    verdict: 'block',
    reason_codes: wordList([...decision.reason_codes, ...hit.reasons]),
    violations: wordList([...decision.violations, ...hit.violations]),
  };
}

function hitOrFault(
  ...asked: Parameters<typeof killed>
): Pick<KillSwitchHit, 'reasons' | 'violations'> | undefined {
  try {
    return killed(...asked);
  } catch {
    const code = 'kill_switch_state_unavailable';
    return { reasons: [code], violations: [code] };
  }
}

interface Selector {
  readonly code: string;
  readonly isSet: (entry: KillSwitchEntry) => boolean;
  readonly fits: (entry: KillSwitchEntry, call: Call) => boolean;
}

const SELECTORS: readonly Selector[] = [
  {
    code: 'kill_switch_agent_id_active',
    isSet: ({ agent_id }) => agent_id !== undefined,
    fits: ({ agent_id }, { claims }) => isName(claims.agent_id, agent_id),
  },
  {
    code: 'kill_switch_identity_active',
    isSet: ({ identity }) => identity !== undefined,
    fits: ({ identity }, { intent }) => isName(intent.context.identity, identity),
  },
  {
    code: 'kill_switch_tool_name_active',
    isSet: ({ tool_name }) => tool_name !== undefined,
    fits: ({ tool_name }, { intent }) => isName(intent.tool_name, tool_name),
  },
  {
    code: 'kill_switch_environment_active',
    isSet: ({ environment }) => environment !== undefined,
    fits: ({ environment }, { claims }) => isName(claims.environment, environment),
  },
  {
    code: 'kill_switch_target_active',
    isSet: ({ target_kind, target_value }) => target_kind !== undefined || target_value !== undefined,
    fits: (entry, call) => onTarget(call.intent, (target) => isTarget(entry, target, call)),
  },
  {
    code: 'kill_switch_path_active',
    isSet: ({ path_prefixes = [] }) => path_prefixes.length > 0,
    fits: ({ path_prefixes = [] }, call) =>
      onTarget(call.intent, (target) => path_prefixes.some((prefix) => isStopped(prefix, target, call))),
  },
  {
    code: 'kill_switch_workspace_active',
    isSet: ({ workspace_prefixes = [] }) => workspace_prefixes.length > 0,
    fits: ({ workspace_prefixes = [] }, { intent: { context } }) =>
      inWorkspace(
        workspace_prefixes,
        { workspace: context.workspace, workspacePlace: plainPath(context.workspace) },
        false,
      ) !== false,
  },
];

/** A name that is not said may be any, and one that is said is the same as people would take it. */
function isName(said: string | undefined, wanted = ''): boolean {
  return said === undefined || sameName(said) === sameName(wanted);
}

/** A call that names no targets may be on any. */
function onTarget({ targets }: Intent, fits: (target: Target) => boolean): boolean {
  return targets.length === 0 || targets.some(fits);
}

function isTarget(
  { target_kind, target_value }: KillSwitchEntry,
  target: Target,
  { surroundings, work }: Call,
): boolean {
  if (target_value !== undefined && namesPlace([target_value], target, surroundings, work) === 'no')
    return false;
  return target_kind === undefined || isOfKind(target, target_kind, surroundings);
}

/** What a target leads to is told by its value too, and a target of the kind `other` may be of any. */
function isOfKind(target: Target, wanted: TargetKind, surroundings: Surroundings): boolean {
  const { kind, value } = target;
  if (kind === wanted || kind === 'other' || mayBeOfKind(target, wanted, surroundings)) return true;
  return wanted === 'path' && !isNetworkPlace(kind, value);
}

/** The folder, everything in it, and everything that it is in. */
function isStopped(prefix: string, target: Target, { surroundings, work }: Call): boolean {
  const { workspace } = surroundings;
  const places = placesOf(target, surroundings);
  const folder = plainPath(prefix);
  if (folder === undefined || places.anywhere) return true;
  if (isAbove(places, folder, workspace, work)) return true;
  // From a workspace that is nowhere in particular a relative path may lead anywhere.
  const isLost = !(plainPath(workspace) ?? '').startsWith('/');
  const rooted = folder.startsWith('/') ? folder : (plainPath(`${workspace}/${folder}`) ?? folder);
  const within = patternOf(`${literal(rooted === '/' ? '' : rooted)}/**`, { deep: true });
  return (
    [...places.plain].some((path) => {
      if (isWithin(path, folder) || isWithin(path, rooted)) return true;
      return isLost && path.startsWith('/') !== rooted.startsWith('/');
    }) || places.patterns.some((pattern) => within === undefined || pattern.meets(within, work))
  );
}
