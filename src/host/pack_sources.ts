import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { GaitError, invalidInput } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import { openSource } from '../files/file_source.ts';
import { sourceOf } from '../files/source.ts';
import { readHistory } from '../job/read/history.ts';
import { jobDamaged, missingHeads } from '../job/read/verify.ts';
import type { Head } from '../log/record.ts';
import { LOG_FILE } from '../log/stores/file_store.ts';
import type { Pack } from '../pack/build.ts';
import { buildJobPack } from '../pack/kinds/job/build.ts';
import { buildOlderJobPack, olderVersionOf, readOlderJob } from '../pack/kinds/job/older.ts';
import { buildRunPack } from '../pack/kinds/run/build.ts';
import { SOURCE_MEMBER } from '../pack/kinds/run/members.ts';
import { verificationError } from '../pack/verified.ts';
import { verifyPack } from '../pack/verify.ts';
import type { SigningKey } from '../signing/keys.ts';
import { openContainer, readContainer } from '../zip/reader.ts';
import { zipOf } from '../zip/writer.ts';
import type { Host } from './host.ts';
import { sourceFile } from './run_files.ts';
import { packedHeads } from './workspace/lost_jobs.ts';
import { jobSource } from './workspace/output_places.ts';
import { jobRoot } from './workspace/workspace.ts';

/** A pack that is ready to be written, and what it is of. */
export interface BuiltSource {
  readonly pack: Pack;
  /** For people: `nightly, revision 12, 3f…`. */
  readonly subject: string;
  /** The head of the job's log. */
  readonly head?: Head;
  /** What it was built from, file or folders: no place for a pack. */
  readonly kept: readonly string[];
  /** Releases what the members are read from. */
  close(): void;
}

/** Told how far work on so many bytes has come. */
export interface Progress {
  /** So many bytes more are done. */
  readonly add: (count: number) => void;
  /** It is over, however it ended. */
  end(): void;
}

export interface BuildRequest {
  readonly from: string;
  readonly key: SigningKey | undefined;
  readonly jobRoot: string | undefined;
  readonly checkpoint: string | undefined;
  readonly progress: (total: number) => Progress;
}

/** The pack of a job: by its id under the root of jobs, or by its folder, also of one that an older program kept. */
export async function jobPackOf(request: BuildRequest, host: Host): Promise<BuiltSource> {
  const { from, key } = request;
  if (request.checkpoint !== undefined) {
    throw invalidInput('flags_conflict', '--checkpoint is for session chains', 'Omit it for a job.');
  }
  const root = jobRoot(request.jobRoot, host.env);
  const older = olderFolder(from, root);
  if (older !== undefined) {
    const job = readOlderJob(readFile(join(older, STATE_FILE)), readFile(join(older, EVENTS_FILE)));
    const pack = buildOlderJobPack(job, olderVersionOf(job), key);
    await refuseUnsound(pack, older);
    const subject = `${pack.manifest.source_ref}, as an older program kept it: its events are not chained`;
    return { pack, subject, kept: [older], close: () => {} };
  }
  const { store, jobId } = jobSource(from, root, host);
  const history = await readHistory(store, jobId);
  const [missing] = missingHeads(history, await packedHeads(jobId, store.root, host));
  if (missing !== undefined) throw jobDamaged(jobId, missing);
  const { revision, hash } = history.position;
  return {
    pack: buildJobPack(history, VERSION, key),
    subject: `${jobId}, revision ${revision}, ${hash}`,
    head: { revision, hash },
    kept: [store.root, root],
    close: () => {},
  };
}

/** Of an older job nothing vouches for what its files say: a pack that would not verify is not made of them. */
async function refuseUnsound({ members }: Pack, folder: string): Promise<void> {
  const { verification } = verifyPack(readContainer(sourceOf(await zipOf(members))));
  const [first] = verification.findings;
  if (first === undefined) return;
  throw new GaitError({
    code: 'older_job_damaged',
    category: 'verification_failed',
    message: `the files of ${folder} do not agree: ${first.message}`,
    hint: 'No pack is built from what would not verify.',
  });
}

const STATE_FILE = 'state.json';
const EVENTS_FILE = 'events.jsonl';

/** The folder of a job that an older program kept; undefined for one of ours, or none. */
function olderFolder(from: string, root: string): string | undefined {
  const places = basename(from) === STATE_FILE ? [dirname(from)] : [join(root, from), resolve(from)];
  return places.find((place) => existsSync(join(place, STATE_FILE)) && !existsSync(join(place, LOG_FILE)));
}

function readFile(path: string): Buffer {
  if (!existsSync(path)) return Buffer.alloc(0);
  const { source, close } = openSource(path);
  try {
    return source.read(0, source.size);
  } finally {
    close();
  }
}

/** The pack of a run: of a runpack by its id or path, or of a checkpoint of a session chain. */
export async function runPackOf(request: BuildRequest, host: Host): Promise<BuiltSource> {
  const { path, asked } = sourceFile(request.from, request.checkpoint, host.env);
  const container = await openContainer(path);
  const progress = request.progress(3 * container.size);
  const digesting = container.digest(progress.add);
  try {
    const { verification, run, manifest } = verifyPack(container, { asked, onBytes: progress.add });
    container.assertUnchanged();
    if (verification.findings.length > 0) throw verificationError(verification, path);
    if (run === undefined || manifest !== undefined) {
      const hint = 'Give the runpack that it was built from.';
      throw invalidInput('not_a_runpack', `${path} is a ${verification.pack_type} pack already`, hint);
    }
    const runpack = { name: SOURCE_MEMBER, source: container.source, ...(await digesting) };
    const pack = buildRunPack({ ...run, runpack }, VERSION, request.key);
    const { run_id, manifest_digest } = run.manifest;
    return { pack, subject: `${run_id}, ${manifest_digest}`, kept: [path], close: container.close };
  } catch (error) {
    await digesting.catch(() => {}); // it reads the file
    container.close();
    throw error;
  } finally {
    progress.end();
  }
}
