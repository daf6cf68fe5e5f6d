import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GaitError } from '../../core/errors.ts';
import { isJsonObject, type Json } from '../../core/json.ts';
import type { Jobs } from '../../job/jobs.ts';
import type { KnownHead } from '../../log/known_heads.ts';
import { LogDamage } from '../../log/record.ts';
import { FileStore } from '../../log/stores/file_store.ts';
import type { Host } from '../host.ts';
import { outDir } from './workspace.ts';

/**
 * Of a job whose folder is there and whose log has no record: throws `log_damaged` if the ledger of packs knows more of
 * it. A log that was emptied is no job that never was.
 */
export async function assertNotLost(jobs: Jobs, store: FileStore, jobId: string, host: Host): Promise<void> {
  if (!existsSync(store.dir(jobId)) || (await exists(jobs, jobId))) return;
  for await (const records of ledgerOf(host).read(LEDGER)) {
    const packed = records.find(({ event }) => isPackOf(event['payload'], jobId));
    if (packed === undefined) continue;
    const why = `it has no record, and entry ${packed.revision} of the ledger of packs is a pack of it`;
    throw new LogDamage({ stream: jobId, revision: 1, offset: 0 }, 'records_lost', why);
  }
}

/** The heads that the ledger of packs knows of a job: each was in a pack that was built of it. */
export async function packedHeads(jobId: string, host: Host): Promise<KnownHead[]> {
  const known: KnownHead[] = [];
  const ledger = ledgerOf(host);
  for await (const records of ledger.read(LEDGER)) {
    for (const { revision, event } of records) {
      const entry = event['payload'];
      if (!isPackOf(entry, jobId) || !isJsonObject(entry)) continue;
      const { head } = entry;
      if (!isJsonObject(head)) continue;
      const by = `entry ${revision} of the ledger of packs`;
      known.push({ revision: Number(head['revision']), hash: String(head['hash']), by });
    }
  }
  return known;
}

function ledgerOf(host: Host): FileStore {
  return host.held.keep(new FileStore({ root: join(outDir(host.env), 'ledger'), idField: 'ledger_id' }));
}

const LEDGER = 'packs';

/** An entry as src/pack/ledger.ts writes it; read by hand, since a command on a job loads no code of packs. */
function isPackOf(entry: Json | undefined, jobId: string): boolean {
  return isJsonObject(entry) && entry['pack_type'] === 'job' && entry['source_ref'] === jobId;
}

async function exists(jobs: Jobs, jobId: string): Promise<boolean> {
  try {
    await jobs.load(jobId);
    return true;
  } catch (error) {
    if (error instanceof GaitError && error.code === 'job_not_found') return false;
    throw error;
  }
}
