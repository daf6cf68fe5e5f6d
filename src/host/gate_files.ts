import { basename } from 'node:path';
import { invalidInput } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { writeFileAtOnce } from '../files/atomic_file.ts';
import { DECISIONS_ID_FIELD } from '../gate/ledger/decisions.ts';
import { RecordFiles, recordBytes } from '../gate/records/files.ts';
import type { RecordKind } from '../gate/records/records.ts';
import type { FileStore } from '../log/stores/file_store.ts';
import { openStore } from '../log/stores/open_store.ts';
import type { Env, Host } from './host.ts';
import {
  realPlace,
  refuseExisting,
  refuseInside,
  refuseKeptPlace,
  refuseReportPlace,
  refuseSame,
} from './workspace/output_places.ts';

/** The store of a gate's streams below a directory. */
export function gateStore(dir: string, host: Host): FileStore {
  return host.held.keep(openStore(dir, DECISIONS_ID_FIELD));
}

export type WantedRecords = Partial<Record<RecordKind, string>>;

/**
 * Records in the gate's directory, and once more where the caller wants them, in place of an earlier record of the same
 * kind. Throws `out_unsafe` for a wanted place where something else stands, before anything is decided.
 */
export function recordFiles(dir: string, wanted: WantedRecords, env: Env): RecordFiles {
  refuseSame(Object.values(wanted));
  for (const path of Object.values(wanted)) refuseRecordPlace(path, dir);
  for (const [kind, path] of Object.entries(wanted)) {
    refuseReportPlace(path, { schema_id: SCHEMAS[kind as RecordKind] }, env);
  }
  return new RecordFiles(dir, (kind, document, bytes) => {
    const path = wanted[kind];
    if (path === undefined) return;
    refuseReportPlace(path, document, env);
    writeFileAtOnce(path, bytes);
  });
}

/** A record's own name is that of one decision: it is never written over, in whatever directory it lies. */
function refuseRecordPlace(path: string, dir: string): void {
  if (path === '') throw invalidInput('flag_value_invalid', 'the name of a record is empty', 'Name a file.');
  refuseInside(path, [dir]);
  if (RECORD_NAME.test(basename(realPlace(path)))) refuseExisting(path, 'leave the name to the gate');
}

const RECORD_NAME = /_[0-9a-f]{24}_[0-9a-f]{24}\.json$/;

const SCHEMAS: Readonly<Record<RecordKind, string>> = {
  trace: 'gait.gate.trace',
  approval_audit: 'gait.gate.approval_audit_record',
  delegation_audit: 'gait.gate.delegation_audit_record',
  credential: 'gait.gate.broker_credential_record',
};

/** Writes a token where the caller wants it. Throws `out_unsafe` if anything stands there, or logs and keys are kept there. */
export function writeToken(path: string, document: JsonObject, env: Env): void {
  refuseKeptPlace(path, env);
  refuseExisting(path, 'remove that one yourself');
  writeFileAtOnce(path, recordBytes(document));
}
