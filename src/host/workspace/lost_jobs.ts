import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { GaitError } from '../../core/errors.ts';
import { isJsonObject, type Json } from '../../core/json.ts';
import type { Jobs } from '../../job/jobs.ts';
import type { KnownHead } from '../../log/known_heads.ts';
import { LogDamage } from '../../log/record.ts';
import type { FileStore } from '../../log/stores/file_store.ts';
import { openStore } from '../../log/stores/open_store.ts';
import type { Host } from '../host.ts';
import { outDir } from './workspace.ts';

/**
 * Of a job whose folder is there and whose log has no record: throws `log_damaged` if the ledger of packs knows more of
 * it. A log that was emptied is no job that never was.
 */
export async function assertNotLost(jobs: Jobs, store: FileStore, jobId: string, host: Host): Promise<void> {
  if (!existsSync(store.dir(jobId)) || (await exists(jobs, jobId))) return;
  const [packed] = await packedHeads(jobId, store.root, host);
  if (packed === undefined) return;
  const why = `it has no record, and ${packed.by} is a pack of it`;
  throw new LogDamage({ stream: jobId, revision: 1, offset: 0 }, 'records_lost', why);
}

/**
 * The heads that ledgers of packs know of a job under `root`: each was in a pack that was built of it. The ledgers are that
 * of the output directory, and that beside the root.
 */
export async function packedHeads(jobId: string, root: string, host: Host): Promise<KnownHead[]> {
  const known: KnownHead[] = [];
  for (const ledger of ledgersBeside(root, host)) {
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
  }
  return known;
}

function ledgersBeside(root: string, host: Host): FileStore[] {
  const places = [join(outDir(host.env), 'ledger'), join(dirname(resolve(root)), 'ledger')];
  const there = new Set(places.filter((place) => existsSync(place)).map((place) => realpathSync(place)));
  return [...there].map((place) => host.held.keep(openStore(place, 'ledger_id')));
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
