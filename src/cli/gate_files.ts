import { join } from 'node:path';
import { sha256Hex } from '../core/digest.ts';
import type { JsonObject } from '../core/json.ts';
import { DECISIONS_ID_FIELD } from '../gate/decision_log.ts';
import type { DecisionIds, EvidenceSink, Kept } from '../gate/gate.ts';
import { FileStore } from '../log/file_store.ts';
import { writeFileAtOnce } from '../zip/atomic_file.ts';
import type { OptionalText } from './command.ts';
import type { Io } from './io.ts';
import { refuseExisting, refuseKeptPlace, refuseReportPlace } from './places.ts';
import { outDir } from './workspace.ts';

/** Where a gate keeps what it must not forget. */
export const stateFlag: { readonly 'state-dir': OptionalText } = {
  'state-dir': {
    type: 'string',
    value: 'DIR',
    env: 'GAIT_GATE_STATE',
    summary:
      'Where decisions, records and what was used up are kept. By default ./gait-out/gate; put it where the agent cannot write.',
  },
};

/** `--state-dir`, else GAIT_GATE_STATE, else `gate` in the output directory. */
export function gateDir(flag: string | undefined, env: Io['env']): string {
  const named = flag ?? env['GAIT_GATE_STATE'];
  return named === undefined || named === '' ? join(outDir(env), 'gate') : named;
}

/** The store of a gate's streams below a directory. */
export function gateStore(dir: string): FileStore {
  return new FileStore({ root: dir, idField: DECISIONS_ID_FIELD });
}

type Kind = Parameters<EvidenceSink['keep']>[0];

const NAMES: Readonly<Record<Kind, string>> = {
  trace: 'trace',
  approval_audit: 'approval_audit',
  delegation_audit: 'delegation_audit',
  credential: 'credential_evidence',
};

/**
 * Records as files: each under a name of its own in the gate's directory, where nothing is ever written over, and once
 * more where the caller wants it, in place of an earlier record of the same kind.
 */
export class RecordFiles implements EvidenceSink {
  readonly #dir: string;
  readonly #wanted: Partial<Record<Kind, string>>;
  readonly #env: Io['env'];

  constructor(dir: string, wanted: Partial<Record<Kind, string>>, env: Io['env']) {
    this.#dir = join(dir, 'records');
    this.#wanted = wanted;
    this.#env = env;
  }

  /** Throws `out_unsafe` for a wanted place where something else stands, before anything is decided. */
  check(): void {
    for (const [kind, path] of Object.entries(this.#wanted)) {
      if (path !== undefined) refuseReportPlace(path, { schema_id: SCHEMAS[kind as Kind] }, this.#env);
    }
  }

  async keep(kind: Kind, document: JsonObject, { traceId, eventId }: DecisionIds): Promise<Kept> {
    const bytes = recordBytes(document);
    const name = `${NAMES[kind]}_${traceId}_${eventId}.json`;
    const path = join(this.#dir, name);
    refuseExisting(path, 'ask again');
    writeFileAtOnce(path, bytes);
    const wanted = this.#wanted[kind];
    if (wanted !== undefined) {
      refuseReportPlace(wanted, document, this.#env);
      writeFileAtOnce(wanted, bytes);
    }
    return { path: name, sha256: sha256Hex(bytes) };
  }

  /** Where a record is, for whoever asked. */
  placeOf(kind: Kind, name: string): string {
    return this.#wanted[kind] ?? join(this.#dir, name);
  }
}

const SCHEMAS: Readonly<Record<Kind, string>> = {
  trace: 'gait.gate.trace',
  approval_audit: 'gait.gate.approval_audit_record',
  delegation_audit: 'gait.gate.delegation_audit_record',
  credential: 'gait.gate.broker_credential_record',
};

/** A record as people and other programs read it: indented JSON and a newline. */
export function recordBytes(document: JsonObject): Buffer {
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}

/** Writes a token where the caller wants it. Throws `out_unsafe` if anything stands there, or logs and keys are kept there. */
export function writeToken(path: string, document: JsonObject, env: Io['env']): void {
  refuseKeptPlace(path, env);
  refuseExisting(path, 'remove that one yourself');
  writeFileAtOnce(path, recordBytes(document));
}
