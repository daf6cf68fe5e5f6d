// What the lanes share: installing what is missing, and running a command to its end.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The environment for child processes: without the extra certificates, whose parsing slows every start of Node. */
export function childEnv(extra = {}) {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  return { ...env, ...extra };
}

/** Runs a command with its output passed through; ends this process with its exit code when it fails. */
export function run(command, args, { env = childEnv(), cwd = ROOT } = {}) {
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** As {@link run}, beside others. */
export async function started(command, args, { env = childEnv(), cwd = ROOT } = {}) {
  const [status] = await once(spawn(command, args, { cwd, env, stdio: 'inherit' }), 'close');
  if (status !== 0) process.exit(status ?? 1);
}

/** The path of a tool that a dependency brings. */
export function tool(name) {
  return join(ROOT, 'node_modules', '.bin', name);
}

/** Installs the dependencies of the lock file, unless exactly these are installed. */
export function ensureInstalled() {
  const lock = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  const stamp = join(ROOT, 'node_modules', '.gait-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === `${lock} ${process.version}`) return;
  console.log('installing the dependencies of package-lock.json …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { env: process.env });
  writeFileSync(stamp, `${lock} ${process.version}`);
}
