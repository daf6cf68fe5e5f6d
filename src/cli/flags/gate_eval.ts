import { type Clock, fineClock } from '../../core/clock.ts';
import { sha256Hex } from '../../core/digest.ts';
import { GaitError, invalidInput } from '../../core/errors.ts';
import { openSource, readFileBytes } from '../../files/file_source.ts';
import type { GateSettings } from '../../gate/context.ts';
import type { EnforcementRequest } from '../../gate/enforce.ts';
import { enterRefusal, Gate } from '../../gate/gate.ts';
import { MAX_INTENT_BYTES, parseIntent } from '../../gate/intent/reader.ts';
import { ownKillSwitches, readKillSwitchFile } from '../../gate/kill_switch/file.ts';
import type { KillSwitchEntry } from '../../gate/kill_switch/kill_switch.ts';
import { signingFault } from '../../gate/profile.ts';
import type { RecordFiles } from '../../gate/records/files.ts';
import { gateStore, recordFiles, type WantedRecords } from '../../host/gate_files.ts';
import { policyPinned, readContextEnvelope, readPolicyFile } from '../../host/policy_files.ts';
import { tokensIn } from '../../host/token_files.ts';
import { gatePlaceOf, realPlace } from '../../host/workspace/output_places.ts';
import type { FileStore } from '../../log/stores/file_store.ts';
import type { FlagSpec, OptionalText, RequiredText } from '../command.ts';
import type { Io } from '../io.ts';
import type { BrokerValues } from './broker.ts';
import { askedOf, brokerOf } from './broker_open.ts';
import { contextFlags } from './evaluation.ts';
import { admitBelieved, type BelievedValues, settingsOf } from './gate.ts';
import { modeSigner, type PrivateKeyValues, type Signer, signingMode, signingModeFlag } from './key.ts';
import { type KeyringValues, keyringOf } from './keyring.ts';

function text(value: string, summary: string): OptionalText {
  return { type: 'string', value, summary };
}

type Texts<K extends string> = { readonly [P in K]: OptionalText };
type TextValues<K extends string> = { readonly [P in K]: string | undefined };

type RecordFlag = 'trace-out' | 'approval-audit-out' | 'delegation-audit-out' | 'credential-evidence-out';

/** Where records of a decision are written beside the gate's own directory. */
export const recordFlags: Texts<RecordFlag> = {
  'trace-out': text('FILE', 'Write a copy of the trace to this file.'),
  'approval-audit-out': text('FILE', 'Write a copy of the approval audit to this file.'),
  'delegation-audit-out': text('FILE', 'Write a copy of the delegation audit to this file.'),
  'credential-evidence-out': text('FILE', 'Write a copy of the credential evidence to this file.'),
};

type AskedFlag =
  | 'approval-token'
  | 'approval-token-chain'
  | 'approval-token-ref'
  | 'context-envelope'
  | 'delegation-token'
  | 'delegation-token-chain'
  | 'expect-policy-digest';

/** What is asked, and what is shown for it. */
export const askedFlags: Texts<AskedFlag> & { readonly policy: OptionalText; readonly intent: RequiredText } =
  {
    policy: text('FILE', 'Policy file. Required, here or in the file of --config.'),
    intent: { type: 'string', value: 'FILE', required: true, summary: 'File with the call, as JSON.' },
    'expect-policy-digest': text('DIGEST', 'Fail unless the policy has this digest.'),
    'approval-token': text('FILE', 'An approval.'),
    'approval-token-chain': text('FILES', 'Further approvals, comma-separated.'),
    'approval-token-ref': text('TEXT', 'Reference to approvals, recorded as a claim; proves nothing.'),
    ...contextFlags,
    'delegation-token': text('FILE', 'A delegation.'),
    'delegation-token-chain': text('FILES', 'Further delegations, comma-separated.'),
  };

/** How a gate signs, and where it counts. */
export const signingFlags: {
  readonly 'key-mode': FlagSpec & { readonly type: 'string' };
  readonly 'rate-limit-state': OptionalText;
  readonly 'kill-switch-state': OptionalText;
} = {
  'key-mode': signingModeFlag,
  'rate-limit-state': text('DIR', 'Alias of --state-dir, for earlier versions’ command lines.'),
  'kill-switch-state': text(
    'FILE',
    'File of the kill switches. By default those of --state-dir, if there are any.',
  ),
};

interface OpenValues
  extends PrivateKeyValues,
    KeyringValues,
    BelievedValues,
    BrokerValues,
    TextValues<RecordFlag | 'state-dir'> {
  readonly profile: string;
  readonly audience: string | undefined;
  readonly 'max-token-lifetime': string | undefined;
  readonly 'key-mode': string | undefined;
  readonly 'kill-switch-state': string | undefined;
}

/** Where a gate decides, and how carefully, before it has a key. */
export interface GatePlace {
  readonly dir: string;
  readonly settings: GateSettings;
  readonly files: RecordFiles;
  readonly wanted: WantedRecords;
  readonly store: FileStore;
  readonly clock: Clock;
}

type PlaceValues = Parameters<typeof settingsOf>[0] & { readonly home: string | undefined } & TextValues<
    RecordFlag | 'state-dir' | 'rate-limit-state'
  >;

export function gatePlace(flags: PlaceValues, io: Io): GatePlace {
  const { 'state-dir': named, 'rate-limit-state': older } = flags;
  if (named !== undefined && older !== undefined && realPlace(named) !== realPlace(older)) {
    throw invalidInput(
      'flags_conflict',
      '--state-dir and --rate-limit-state name two places',
      'A gate has one.',
    );
  }
  const { dir, isNamed } = gatePlaceOf(named ?? older, io.env);
  const wanted = wantedFiles(flags);
  const files = recordFiles(dir, wanted, io.env);
  return {
    dir,
    settings: settingsOf(flags, { dir, isNamed }),
    files,
    wanted,
    store: gateStore(dir, io),
    clock: fineClock(io.clock),
  };
}

/** The gate that flags describe. Everything that can be wrong with them is found here, before anything is decided. */
export function gateOfFlags(
  flags: OpenValues,
  place: GatePlace,
  io: Io,
): { readonly gate: Gate; readonly signer: Signer; readonly keyMode: string } {
  const { profile } = place.settings;
  const keyMode = signingMode(flags);
  const fault = signingFault(profile, keyMode);
  if (fault !== undefined) throw fault;
  const keyring = keyringOf(flags, io);
  admitBelieved(keyring, flags, profile, io);
  const broker = brokerOf(flags, io, profile);
  const signer = modeSigner(flags, io);
  const gate = new Gate({
    ...{ ...place, keyring, key: signer.key, keyMode, credential: askedOf(flags) },
    switches: () => switchesOf(flags['kill-switch-state'], place.dir),
    ...(broker === undefined ? {} : { broker }),
  });
  return { gate, signer, keyMode };
}

/** The switches of a file that is named, or else of the gate's own. Throws for what cannot be read. */
function switchesOf(named: string | undefined, dir: string): readonly KillSwitchEntry[] {
  return named === undefined ? ownKillSwitches(dir) : readKillSwitchFile(named);
}

function wantedFiles(flags: TextValues<RecordFlag>): WantedRecords {
  const all = {
    trace: flags['trace-out'],
    approval_audit: flags['approval-audit-out'],
    delegation_audit: flags['delegation-audit-out'],
    credential: flags['credential-evidence-out'],
  };
  return Object.fromEntries(Object.entries(all).filter(([, path]) => path !== undefined));
}

interface AskedValues extends TextValues<AskedFlag> {
  readonly policy: string | undefined;
  readonly intent: string;
}

/** The bytes of a call. One that is too large is not read, but it is entered in the log too. */
async function requestBytes(path: string, place: GatePlace): Promise<Buffer> {
  try {
    return readFileBytes(path, MAX_INTENT_BYTES);
  } catch (error) {
    if (error instanceof GaitError && error.code === 'file_too_large') {
      const { digestSource } = await import('../../files/digest_file.ts');
      const { source, close } = openSource(path);
      await enterRefusal(place, digestSource(source).sha256, error);
      close();
    }
    throw error;
  }
}

/**
 * The call and what is shown for it. What cannot be read is no decision, but it is entered in the log: a malformed call
 * may be somebody who tries how far they get.
 */
export async function askedOfFiles(
  flags: AskedValues,
  place: GatePlace,
): Promise<Omit<EnforcementRequest, 'simulate'>> {
  const { policy } = flags;
  if (policy === undefined)
    throw invalidInput('flag_missing', 'missing --policy FILE', 'Give --policy FILE; see --help.');
  const bytes = await requestBytes(flags.intent, place);
  const requestSha256 = sha256Hex(bytes);
  const claim = flags['approval-token-ref'];
  const envelope = flags['context-envelope'];
  try {
    return {
      policy: policyPinned(readPolicyFile(policy), flags['expect-policy-digest']),
      request: parseIntent(bytes, flags.intent),
      requestSha256,
      approvals: tokensIn([flags['approval-token'], flags['approval-token-chain']]),
      delegations: tokensIn([flags['delegation-token'], flags['delegation-token-chain']]),
      ...(envelope === undefined ? {} : { contextEnvelope: readContextEnvelope(envelope) }),
      ...(claim === undefined ? {} : { claimedApprovalRef: claim }),
    };
  } catch (error) {
    if (error instanceof GaitError) await enterRefusal(place, requestSha256, error);
    throw error;
  }
}
