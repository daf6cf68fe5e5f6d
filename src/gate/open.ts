import { type Clock, fineClock, systemClock } from '../core/clock.ts';
import { canonicalDigest } from '../core/digest.ts';
import { GaitError, invalidInput } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { EventStore } from '../log/store.ts';
import { openStore } from '../log/stores/open_store.ts';
import { Keyring } from '../signing/keyring.ts';
import type { SigningKey } from '../signing/keys.ts';
import { gateSettings, PROFILES, type Profile } from './context.ts';
import type { CredentialBroker } from './enforce.ts';
import { enterRefusal, Gate, type GateParts, type KeptDecision } from './gate.ts';
import type { IntentRequest } from './intent/intent.ts';
import { readIntent } from './intent/reader.ts';
import { ownKillSwitches } from './kill_switch/file.ts';
import type { KillSwitchEntry } from './kill_switch/kill_switch.ts';
import { DECISIONS_ID_FIELD } from './ledger/decisions.ts';
import type { Policy } from './policy/policy.ts';
import { RecordFiles } from './records/files.ts';
import type { RecordSink } from './records/records.ts';
import { gateStatePlace } from './state_place.ts';

export interface GateOptions {
  readonly policy: Policy;
  /** Signs the traces. */
  readonly key: SigningKey;
  /** Where decisions and what was used up are kept. By default GAIT_GATE_STATE, else `gate` in GAIT_OUT_DIR, else the next `gait-out/gate` from here upwards. */
  readonly dir?: string;
  /** Whom to believe for approvals and delegations. By default nobody. */
  readonly keyring?: Keyring;
  /** By default `standard`. */
  readonly profile?: Profile;
  /** What this gate is called; tokens for another do not count. */
  readonly audience?: string;
  /** The home folder of whoever acts: what `~` is in a target. By default none: then it may be anything. */
  readonly home?: string;
  /** The longest that a token may live. Milliseconds; by default any, under `oss-prod` a day. */
  readonly maxTokenLifetimeMs?: number;
  readonly broker?: CredentialBroker;
  /** The kill switches that stand now. By default those of `dir`, as `gait kill-switch` keeps them. Whatever it throws blocks. */
  readonly switches?: () => readonly KillSwitchEntry[];
  readonly clock?: Clock;
  /** A store in place of the files. */
  readonly store?: EventStore;
  /** Where records go in place of files. */
  readonly files?: RecordSink;
}

/** What is shown for a call. */
export interface AskOptions {
  /** Approvals and delegations, as parsed JSON. */
  readonly approvals?: readonly JsonObject[];
  readonly delegations?: readonly JsonObject[];
  /** What the agent read: a context envelope, as parsed JSON, of whoever gave it to the agent. */
  readonly contextEnvelope?: JsonObject;
  /** Only ask what would be: nothing is used up, and nothing may run on it. */
  readonly simulate?: boolean;
}

/** An answer, and the one question that matters. */
export interface GateAnswer extends KeptDecision {
  /** The call may run: the verdict is `allow`, of a gate that enforces. */
  readonly allowed: boolean;
}

/** A gate in this process: the same decisions, records and log as `gait gate eval`. */
export class OpenGate {
  readonly #policy: Policy;
  readonly #parts: GateParts;
  readonly #gate: Gate;

  constructor(options: GateOptions) {
    const { policy, key, keyring = new Keyring(), profile = 'standard', audience, broker } = options;
    const { env } = process;
    const { dir, isNamed } = gateStatePlace(options.dir, {
      ...env,
      GAIT_GATE_STATE: env['GAIT_GATE_STATE'] || undefined,
    });
    const store = options.store ?? openStore(dir, DECISIONS_ID_FIELD);
    if (!PROFILES.includes(profile))
      throw invalidInput('flag_value_invalid', `there is no profile ${profile}`);
    this.#policy = policy;
    this.#parts = {
      settings: gateSettings({
        ...{ profile, audience, home: options.home, maxTokenLifetimeMs: options.maxTokenLifetimeMs },
        place: { dir, isNamed: isNamed || options.store !== undefined },
      }),
      ...{ key, keyring, keyMode: 'prod', store },
      files: options.files ?? new RecordFiles(dir),
      switches: options.switches ?? (() => ownKillSwitches(dir)),
      clock: fineClock(options.clock ?? systemClock),
      ...(broker === undefined ? {} : { broker }),
    };
    this.#gate = new Gate(this.#parts);
  }

  /**
   * Asks whether a call may run: an intent, as JSON. Run it only if the answer says `allowed`. Throws invalid_input for
   * what is no call, which is entered in the log too, and io_failure where the decision could not be kept.
   */
  async ask(
    call: JsonObject,
    { approvals = [], delegations = [], contextEnvelope, simulate }: AskOptions = {},
  ): Promise<GateAnswer> {
    const request = await this.#readable(call);
    const answer = await this.#gate.decide({
      ...{ policy: this.#policy, request, requestSha256: canonicalDigest(call), approvals, delegations },
      ...(contextEnvelope === undefined ? {} : { contextEnvelope }),
      ...(simulate === undefined ? {} : { simulate }),
    });
    return { ...answer, allowed: answer.decision.verdict === 'allow' };
  }

  async #readable(call: JsonObject): Promise<IntentRequest> {
    try {
      return readIntent(call);
    } catch (error) {
      if (error instanceof GaitError) await enterRefusal(this.#parts, digestOrNone(call), error);
      throw error;
    }
  }
}

/** What cannot be digested is known by the digest of nothing. */
function digestOrNone(call: JsonObject): string {
  try {
    return canonicalDigest(call);
  } catch {
    return canonicalDigest(null);
  }
}

/** Opens a gate on a policy. */
export function openGate(options: GateOptions): OpenGate {
  return new OpenGate(options);
}
