import { join } from 'node:path';
import { GaitError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { assertReplaceable, writeFileAtomically } from '../../files/atomic_file.ts';
import { verificationError } from '../../pack/verified.ts';
import { verifyPack } from '../../pack/verify.ts';
import type { CapturedRun, RunManifest } from '../../run/documents.ts';
import { buildRunpack } from '../../run/runpack.ts';
import type { SigningKey } from '../../signing/keys.ts';
import { openContainer } from '../../zip/reader.ts';
import { zipOf } from '../../zip/writer.ts';
import type { Env } from '../host.ts';
import { runpackName } from '../run_files.ts';
import { refuseKeptPlace } from '../workspace/output_places.ts';

/** What machines are called in run documents: the names that earlier producers gave them. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };
const SYSTEMS: Readonly<Record<string, string>> = { win32: 'windows', sunos: 'solaris' };

/** The machine of a run that names none. */
export function machineNames(): JsonObject {
  const { platform, arch } = process;
  return { os: SYSTEMS[platform] ?? platform, arch: ARCHITECTURES[arch] ?? arch, runtime: 'node' };
}

/** Writes a run as a runpack and verifies what was written. Throws `out_unsafe` for a place where logs are kept. */
export async function writeRunpack(
  path: string,
  captured: CapturedRun,
  key: SigningKey | undefined,
  env: Env,
): Promise<RunManifest> {
  refusePlace(path, env);
  const { manifest, members } = buildRunpack(captured, key);
  await writeFileAtomically(path, await zipOf(members));
  await verifyWritten(path);
  return manifest;
}

/** Throws `out_unsafe` for a place where logs are kept, or where anything but a zip stands. */
export function refusePlace(path: string, env: Env): void {
  refuseKeptPlace(path, env);
  assertReplaceable(path);
}

/** Reads a runpack back that was just written. */
export async function verifyWritten(path: string): Promise<void> {
  const container = await openContainer(path);
  try {
    const { verification } = verifyPack(container);
    container.assertUnchanged();
    if (verification.findings.length > 0) throw unsound(verificationError(verification, path));
  } finally {
    container.close();
  }
}

function unsound(cause: GaitError): GaitError {
  return new GaitError({
    code: 'written_unsound',
    category: 'verification_failed',
    message: `what was written does not verify: ${cause.message}`,
    hint: 'Check the disk, and record the run again.',
    cause,
  });
}

/** The path of a run's file in a directory. */
export function runpackPath(dir: string, runId: string): string {
  const path = join(dir, runpackName(runId));
  return path.startsWith('-') ? `./${path}` : path; // not to be taken for a flag
}
