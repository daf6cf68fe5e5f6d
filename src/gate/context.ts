import { resolve } from 'node:path';
import { invalidInput } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { Keyring } from '../signing/keyring.ts';
import type { Issued } from './credentials/credential.ts';
import type { KillSwitchEntry } from './kill_switch/kill_switch.ts';
import { NO_USES, type UsesState } from './ledger/consumption.ts';
import { homeFolder } from './target/places.ts';

export const PROFILES = ['standard', 'oss-prod'] as const;
export type Profile = (typeof PROFILES)[number];

/** The careful profile takes no token that lives longer than this. Milliseconds. */
const CAREFUL_LIFETIME_MS = 86_400_000;

/** What is said of a gate, by the flags of a command or the options of the library. */
export interface GateSaid {
  readonly profile: Profile;
  readonly audience?: string | undefined;
  readonly home?: string | undefined;
  readonly maxTokenLifetimeMs?: number | undefined;
  /** Where it keeps what is used up. */
  readonly place?: { readonly dir: string; readonly isNamed: boolean } | undefined;
}

/** The settings of a gate. Throws `flag_value_invalid` for a lifetime or a home folder that is none. */
export function gateSettings({ profile, audience, home, maxTokenLifetimeMs, place }: GateSaid): GateSettings {
  const longest = longestLife(profile, maxTokenLifetimeMs);
  return {
    profile,
    ...(audience === undefined ? {} : { audience }),
    ...(home === undefined ? {} : { home: homeFolder(home) }),
    ...(longest === undefined ? {} : { maxTokenLifetimeMs: longest }),
    ...(place === undefined ? {} : { stateNamed: place.isNamed, statePlace: resolve(place.dir) }),
  };
}

/** The longest that a token may live: what is asked for, and no more than the profile takes. Throws `flag_value_invalid`. */
function longestLife(profile: Profile, asked: number | undefined): number | undefined {
  if (asked !== undefined && !(asked > 0 && Number.isFinite(asked))) {
    throw invalidInput('flag_value_invalid', 'the longest lifetime of a token is not a duration');
  }
  return profile === 'standard' ? asked : Math.min(asked ?? CAREFUL_LIFETIME_MS, CAREFUL_LIFETIME_MS);
}

/** The gate that decides: what it is called, and how careful it is. */
export interface GateSettings {
  readonly profile: Profile;
  /** Its name; tokens for another gate do not count. */
  readonly audience?: string;
  /** The longest that a token may live. Milliseconds. */
  readonly maxTokenLifetimeMs?: number;
  /** Somebody said where this gate keeps what is used up; under `oss-prod` nothing else counts. */
  readonly stateNamed?: boolean;
  /** Where that is: it stands in the traces. */
  readonly statePlace?: string;
  /** The home folder of whoever acts: what `~` is. Anything if it is not told. */
  readonly home?: string;
}

/** What is proven beside the call itself. Everything that is missing counts against the call. */
export interface EvaluationContext {
  readonly gate: GateSettings;
  /** Whom to believe, for what. */
  readonly keyring: Keyring;
  readonly approvals: readonly JsonObject[];
  readonly delegations: readonly JsonObject[];
  /** A context envelope, as it was given. */
  readonly context?: Json;
  /** The kill switches that stand; `unavailable` where they should be known and are not. */
  readonly switches: readonly KillSwitchEntry[] | 'unavailable';
  /** What calls before this one used up. */
  readonly uses: UsesState;
  /** By this this call was let in: what `uses` has under it is used up by this call. */
  readonly admission?: string;
  /** The clock is behind what the decision log knows already. */
  readonly clockBehind?: boolean;
  /** What became of asking for one. */
  readonly credential?: Issued;
  /**
   * `enforce`: nothing is allowed before it is admitted and has its credential. `trial`: asks what would be; whatever
   * only an enforcing gate can do counts as done. `rules`: asks what the rules say, before anybody approves. Nothing that
   * comes of the last two lets a call run.
   */
  readonly mode: 'enforce' | 'trial' | 'rules';
  /** A trial counts a credential as one that would be there. */
  readonly brokered: boolean;
}

/** Nothing is proven, and nothing will be done: what the rules alone say. */
export const NO_CONTEXT: EvaluationContext = {
  gate: { profile: 'standard' },
  keyring: new Keyring(),
  approvals: [],
  delegations: [],
  switches: [],
  uses: NO_USES,
  mode: 'rules',
  brokered: false,
};
