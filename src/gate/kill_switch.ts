import { epochMs, type Timestamp } from '../core/time.ts';
import type { TargetKind } from './endpoint.ts';
import type { Intent, IntentRequest, Target } from './intent.ts';
import type { Judgement } from './judge.ts';
import { inWorkspace } from './match.ts';
import { isNetworkPlace, isWithin, namesPlace, plainPath } from './places.ts';
import { callsOf } from './script.ts';
import { lowered, wordList } from './words.ts';

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
): KillSwitchHit | undefined {
  const active = entries.filter((entry) => isActive(entry, now));
  const calls = callsOf(request.intent).map((intent) => ({ ...request, intent }));
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

function fitsAll(entry: KillSwitchEntry, request: IntentRequest): boolean {
  return SELECTORS.every(({ isSet, fits }) => !isSet(entry) || fits(entry, request));
}

/** A decision as it is while these entries stand, whatever it was before: a stop is no duty that can be met. */
export function underKillSwitch(
  decision: Judgement,
  entries: readonly KillSwitchEntry[],
  request: IntentRequest,
  now: Timestamp,
): Judgement {
  const hit = hitOrFault(entries, request, now);
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
  readonly fits: (entry: KillSwitchEntry, request: IntentRequest) => boolean;
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
    fits: (entry, { intent }) => onTarget(intent, (target) => isTarget(entry, target, intent)),
  },
  {
    code: 'kill_switch_path_active',
    isSet: ({ path_prefixes = [] }) => path_prefixes.length > 0,
    fits: ({ path_prefixes = [] }, { intent }) =>
      onTarget(intent, (target) => isBelow(path_prefixes, target, intent)),
  },
  {
    code: 'kill_switch_workspace_active',
    isSet: ({ workspace_prefixes = [] }) => workspace_prefixes.length > 0,
    fits: ({ workspace_prefixes = [] }, { intent: { context } }) =>
      inWorkspace(
        workspace_prefixes,
        { workspace: context.workspace, workspacePlace: plainPath(context.workspace) },
        false,
      ),
  },
];

/** A name that is not said may be any, and one that is said is the same in letters of any case or width. */
function isName(said: string | undefined, wanted = ''): boolean {
  return said === undefined || folded(said) === folded(wanted);
}

function folded(name: string): string {
  return lowered(name.normalize('NFKC'));
}

/** A call that names no targets may be on any. */
function onTarget({ targets }: Intent, fits: (target: Target) => boolean): boolean {
  return targets.length === 0 || targets.some(fits);
}

function isTarget(
  { target_kind, target_value }: KillSwitchEntry,
  target: Target,
  { context }: Intent,
): boolean {
  const isValue = target_value === undefined || namesPlace([target_value], target, context.workspace);
  return isValue && (target_kind === undefined || isOfKind(target, target_kind));
}

/** What a target leads to is told by its value too, and a target of the kind `other` may be of any. */
function isOfKind({ kind, value }: Target, wanted: TargetKind): boolean {
  if (kind === wanted || kind === 'other') return true;
  const leads = isNetworkPlace(kind, value);
  if (wanted === 'url' || wanted === 'host') return leads;
  return wanted === 'path' && (!leads || isFileUrl(value));
}

function isBelow(prefixes: readonly string[], { kind, value }: Target, { context }: Intent): boolean {
  if (isNetworkPlace(kind, value)) return isFileUrl(value);
  const place = plainPath(value);
  if (place === undefined) return true;
  const home = plainPath(context.workspace);
  const rooted = place.startsWith('/')
    ? place
    : home === undefined
      ? undefined
      : plainPath(`${home}/${place}`);
  return prefixes.some((prefix) => {
    const folder = plainPath(prefix);
    if (folder === undefined || isWithin(place, folder)) return true;
    const base = folder.startsWith('/') || home === undefined ? folder : plainPath(`${home}/${folder}`);
    // From a workspace that is nowhere in particular a path may lead anywhere.
    if (rooted === undefined || base === undefined || rooted.startsWith('/') !== base.startsWith('/'))
      return true;
    return isWithin(rooted, base);
  });
}

/** It leads to a path, by rules that differ from reader to reader. */
function isFileUrl(value: string): boolean {
  return /^\s*file:/i.test(value);
}
