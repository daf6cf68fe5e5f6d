import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { nodeFs } from '../../src/files/node.ts';
import { until } from './until.ts';

/** The state of a process by its letter: `T` is stopped, `Z` ended and not asked about. Undefined where nobody tells. */
export function processState(pid: number): string | undefined {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) ? /^\d+ \(.*\) (\w)/s.exec(readFileSync(stat, 'utf8'))?.[1] : undefined;
}

/** Stops a process, but not while it holds the lock of this log: then nobody else could do anything, however long. */
export async function standStill(child: ChildProcess, log: string): Promise<void> {
  const pid = child.pid ?? 0;
  await until(`the process ${pid} stands still, and holds no lock`, async () => {
    child.kill('SIGSTOP');
    if (existsSync('/proc')) await until(`the process ${pid} is stopped`, () => processState(pid) === 'T');
    const free = isFree(log);
    if (!free) child.kill('SIGCONT');
    return free;
  });
}

function isFree(log: string): boolean {
  const fd = nodeFs.open(log, 'update');
  try {
    return nodeFs.tryLock(fd);
  } finally {
    nodeFs.close(fd);
  }
}
