import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** The environment of child processes: no settings of gait, no extra certificates, which slow every start of Node. */
export function childEnv(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(GAIT_|NODE_EXTRA_CA_CERTS$|NODE_TEST)/.test(name),
  );
  return { ...Object.fromEntries(kept), ...extra };
}

/** What a shell prints, both outputs in one, whatever its exit code. */
export async function runShell(line: string, cwd: string): Promise<string> {
  const child = spawn('sh', ['-c', `${line} 2>&1`], {
    cwd,
    env: childEnv(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return text(child.stdout);
}
