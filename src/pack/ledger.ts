import { GaitError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { Timestamp } from '../core/time.ts';
import { replay, type StreamModel } from '../log/fold.ts';
import type { Head } from '../log/record.ts';
import type { EventStore } from '../log/store.ts';
import { type Decided, StreamHandle } from '../log/stream.ts';
import validateLedgerEvent from '../schema/generated/pack_ledger_event.js';
import { schemaFault } from '../schema/validator.ts';
import type { PackManifest } from './manifest.ts';

/** The one stream in which a workspace keeps what packs it built. */
export const LEDGER_STREAM = 'packs';
export const LEDGER_ID_FIELD = 'ledger_id';

/** A pack that was built. */
export interface BuiltPack {
  readonly pack_id: string;
  readonly pack_type: PackManifest['pack_type'];
  readonly source_ref: string;
  readonly file: string;
  readonly file_sha256: string;
  /** Bytes. */
  readonly size: number;
  /** The head of the job's log that the pack holds. */
  readonly head?: Head;
}

/** The ledger's state: how many entries, and which pack was last built from which source. */
export interface LedgerState {
  readonly revision: number;
  readonly latest: Readonly<Record<string, string>>;
}

export const ledgerModel: StreamModel<LedgerState> = {
  idField: LEDGER_ID_FIELD,
  initial: { revision: 0, latest: {} },
  evolve(state, event) {
    const fault = schemaFault(validateLedgerEvent, event);
    if (fault !== undefined || event['revision'] !== state.revision + 1) {
      const message = `not the next event of the ledger: ${fault ?? 'wrong revision'}`;
      throw new GaitError({ code: 'illegal_event', category: 'verification_failed', message });
    }
    const built = event['payload'] as unknown as BuiltPack;
    return { revision: state.revision + 1, latest: { ...state.latest, [sourceOf(built)]: fileOf(built) } };
  },
  snapshot: {
    save: (state) => ({ revision: state.revision, latest: state.latest }),
    load({ revision, latest }, _stream, expected) {
      if (revision !== expected || !isJsonObject(latest)) return undefined;
      return { revision: expected, latest: latest as Record<string, string> };
    },
  },
};

/** Records a built pack; nothing is recorded when the same file was the last one built from its source. Pure. */
export function decideBuilt(state: LedgerState, built: BuiltPack, actor: string, now: Timestamp): Decided {
  if (state.latest[sourceOf(built)] === fileOf(built)) return { events: [] };
  const event = {
    actor,
    created_at: now,
    [LEDGER_ID_FIELD]: LEDGER_STREAM,
    payload: built as unknown as JsonObject,
    revision: state.revision + 1,
    schema_id: 'gait.pack.ledger_event',
    schema_version: '1.0.0',
    type: 'pack_built',
  };
  return { events: [event] };
}

/** Enters a built pack into the ledger of a workspace. */
export async function recordBuilt(
  store: EventStore,
  built: BuiltPack,
  actor: string,
  now: Timestamp,
): Promise<void> {
  const ledger = new StreamHandle(store, ledgerModel, LEDGER_STREAM);
  await ledger.execute((state) => decideBuilt(state, built, actor, now));
}

/** An entry of the ledger. */
export interface LedgerEntry extends BuiltPack {
  readonly built_at: Timestamp;
  readonly built_by: string;
}

/** Every pack that was built, in order. Throws LogDamage at the first entry that is not as it was written. */
export async function readLedger(store: EventStore): Promise<readonly LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  await replay(store, ledgerModel, LEDGER_STREAM, ({ event }) => {
    const { created_at: built_at, actor: built_by, payload } = event as unknown as LedgerEvent;
    entries.push({ ...payload, built_at, built_by });
  });
  return entries;
}

interface LedgerEvent {
  readonly created_at: Timestamp;
  readonly actor: string;
  readonly payload: BuiltPack;
}

function sourceOf({ pack_type, source_ref }: BuiltPack): string {
  return `${pack_type}:${source_ref}`;
}

function fileOf({ file, file_sha256 }: BuiltPack): string {
  return `${file_sha256} ${file}`;
}
