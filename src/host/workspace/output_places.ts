import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { canonicalBytes } from '../../core/canonical.ts';
import { GaitError, invalidInput } from '../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import { assertReplaceable, writeFileAtomically } from '../../files/atomic_file.ts';
import { gateStatePlace, type StatePlace } from '../../gate/state_place.ts';
import { jobModel } from '../../job/model.ts';
import { isStreamId } from '../../log/record.ts';
import { type FileStore, LOG_FILE } from '../../log/stores/file_store.ts';
import { openStore } from '../../log/stores/open_store.ts';
import { ledgerModel } from '../../pack/ledger.ts';
import type { Env, Host } from '../host.ts';
import { readJsonFile } from '../read_json.ts';
import { jobRoot, outDir } from './workspace.ts';

export function openLedger(root: string, host: Host): FileStore {
  return host.held.keep(openStore(root, ledgerModel.idField));
}

/** The folders that hold logs and keys: no place for a pack. */
export function keptFolders(jobRoots: readonly string[], env: Env): string[] {
  return [
    ...jobRoots,
    jobRoot(undefined, env),
    join(outDir(env), 'jobs'),
    join(outDir(env), 'keys'),
    ...(env['GAIT_GATE_STATE'] === '' ? [] : [gateDir(undefined, env)]),
    ledgerRoot(env),
  ];
}

/** Where a gate keeps what it must not forget, as a flag says, or else {@link gateStatePlace}. */
export function gateDir(flag: string | undefined, env: Env): string {
  return gatePlaceOf(flag, env).dir;
}

export function gatePlaceOf(flag: string | undefined, env: Env): StatePlace {
  const place = gateStatePlace(flag, env);
  if (place.dir !== '') return place;
  const hint = 'A variable that is not set would put it where the agent can write. Name a directory.';
  throw invalidInput('flag_value_invalid', 'the directory of the gate is empty', hint);
}

/** Where the ledger of packs is. */
export function ledgerRoot(env: Env): string {
  return join(outDir(env), 'ledger');
}

/** The job that is meant by an id under `root`, or by the path of a job's folder. */
export function jobSource(
  from: string,
  root: string,
  host: Host,
): { readonly store: FileStore; readonly jobId: string } {
  const isId = isStreamId(from);
  if (isId && existsSync(join(root, from, LOG_FILE))) return open(root, from, host);
  const folder = resolve(from);
  if (existsSync(join(folder, LOG_FILE)) && isStreamId(basename(folder)))
    return open(dirname(folder), basename(folder), host);
  if (isId) return open(root, from, host); // whoever reads it will say that there is no such job
  throw invalidInput('job_not_found', `neither a job under ${root} nor the folder of one: ${from}`);
}

function open(root: string, jobId: string, host: Host): { store: FileStore; jobId: string } {
  return { store: host.held.keep(openStore(root, jobModel.idField)), jobId };
}

/**
 * Where a pack is written: the file that was asked for, or `name` in the directory that was. Throws `out_unsafe` for a
 * place inside one of the `kept` folders, which hold logs, and where anything but a pack stands.
 */
export function packPath(
  out: string | undefined,
  dir: string,
  name: string,
  kept: readonly string[],
): string {
  if (out === '') throw invalidInput('flag_value_invalid', '--out is empty', 'Give a file or a directory.');
  const isDirectory = out === undefined || statSync(out, { throwIfNoEntry: false })?.isDirectory() === true;
  const path = isDirectory ? join(out ?? dir, name) : out;
  refuseInside(path, kept);
  assertReplaceable(path);
  return path;
}

/** Throws `out_unsafe` for a place where the workspace keeps its logs and keys. */
export function refuseKeptPlace(path: string, env: Env): void {
  refuseInside(path, keptFolders([], env));
}

/** Throws `out_unsafe` if anything stands at a path. */
export function refuseExisting(path: string, instead: string): void {
  if (!existsSync(path)) return;
  throw new GaitError({
    code: 'out_unsafe',
    category: 'unsafe_operation',
    message: `refused to replace ${path}`,
    hint: `Name a file that does not exist, or ${instead}.`,
  });
}

/** Throws `out_unsafe` if what stands at a path is no regular file. */
export function refuseIrregular(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== false) return;
  throw new GaitError({
    code: 'out_unsafe',
    category: 'unsafe_operation',
    message: `refused to replace ${path}: it is no regular file`,
    hint: 'Name another file.',
  });
}

/** Writes a report as canonical JSON, not where logs are kept, and never over anything but an earlier report. */
export async function writeReport(path: string, report: JsonObject, env: Env): Promise<Buffer> {
  refuseReportPlace(path, report, env);
  const bytes = canonicalBytes(report);
  await writeFileAtomically(path, bytes);
  return bytes;
}

/** Throws `out_unsafe` for a place where a report may not be written. */
export function refuseReportPlace(path: string, report: JsonObject, env: Env): void {
  refuseKeptPlace(path, env);
  assertReplaceableReport(path, report);
}

/** A report may replace one of its own kind: a JSON document with the same `schema_id`. */
function assertReplaceableReport(path: string, { schema_id }: JsonObject): void {
  if (!existsSync(path)) return;
  try {
    const earlier = readJsonFile(path, MAX_REPORT_BYTES);
    if (isJsonObject(earlier) && earlier['schema_id'] === schema_id) return;
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
  }
  throw new GaitError({
    code: 'out_unsafe',
    category: 'unsafe_operation',
    message: `refused to replace ${path}: it is no report of this kind`,
    hint: 'Name another file, or remove that one yourself.',
  });
}

const MAX_REPORT_BYTES = 64 * 1024 * 1024;

export function refuseInside(path: string, kept: readonly string[]): void {
  const place = realPlace(path);
  const folder = kept.find((root) => `${place}${sep}`.startsWith(`${realPlace(root)}${sep}`));
  if (folder === undefined) return;
  throw new GaitError({
    code: 'out_unsafe',
    category: 'unsafe_operation',
    message: `refused to write into ${folder}, where logs and keys are kept`,
    hint: 'Name a file elsewhere.',
  });
}

/** Throws `out_unsafe` if two of these paths lead to the same place: one would replace the other. */
export function refuseSame(paths: readonly string[]): void {
  const places = paths.map(realPlace);
  const twice = paths.find((_, index) => places.indexOf(places[index] ?? '') < index);
  if (twice === undefined) return;
  throw new GaitError({
    code: 'out_unsafe',
    category: 'unsafe_operation',
    message: `refused to write ${twice} over something that is needed: it is named for two things`,
    hint: 'Name another file.',
  });
}

/** Who may read and write a file, as its nine bits. */
export function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

/** Where a path leads, links followed, though its last parts may not exist yet. */
export function realPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPlace(parent), basename(path));
  }
}
