import { join } from 'node:path';
import { sha256Hex } from '../../core/digest.ts';
import type { JsonObject } from '../../core/json.ts';
import { removeFile, writeNewFile } from '../../files/atomic_file.ts';
import type { DecisionIds, Kept, RecordKind, RecordSink } from './records.ts';

const NAMES: Readonly<Record<RecordKind, string>> = {
  trace: 'trace',
  approval_audit: 'approval_audit',
  delegation_audit: 'delegation_audit',
  credential: 'credential_evidence',
};

/** Records as files, each under a name of its own below the directory of a gate: nothing is ever written over. */
export class RecordFiles implements RecordSink {
  readonly dir: string;
  readonly #also: (kind: RecordKind, document: JsonObject, bytes: Buffer) => void;

  /** `also` is told of every record that was kept, to write it elsewhere too. */
  constructor(dir: string, also: (kind: RecordKind, document: JsonObject, bytes: Buffer) => void = () => {}) {
    this.dir = join(dir, 'records');
    this.#also = also;
  }

  async keep(kind: RecordKind, document: JsonObject, { traceId, eventId }: DecisionIds): Promise<Kept> {
    const bytes = recordBytes(document);
    const path = `${NAMES[kind]}_${traceId}_${eventId}.json`;
    writeNewFile(join(this.dir, path), bytes);
    try {
      this.#also(kind, document, bytes);
    } catch (error) {
      removeFile(join(this.dir, path)); // what cannot be told is not left behind as if it had been
      throw error;
    }
    return { path, sha256: sha256Hex(bytes) };
  }
}

/** A record as people and other programs read it: indented JSON and a newline. */
export function recordBytes(document: JsonObject): Buffer {
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}
