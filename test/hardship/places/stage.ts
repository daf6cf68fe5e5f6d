import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, gait, type How, ok, type Said, type Started, start, until } from '../gait.ts';
import { count, type Log, readLog } from '../log.ts';

/**
 * What the jobs run. A lock of the kernel, held as long as any process of the command lives, says whether two run at a
 * time. The first run of a job takes `first` seconds, each later one `later`.
 */
const SCRIPT = `
mark=$1 first=$2 later=$3
exec 9>>"$mark.lock"
flock -n 9 || echo overlap >>"$mark"
echo "start $GAIT_LEASE_TOKEN" >>"$mark"
if mkdir "$mark.first" 2>/dev/null; then sleep "$first"; else sleep "$later"; fi
echo "end $GAIT_LEASE_TOKEN" >>"$mark"
`;

/** A directory for one hard place, and what was started there. */
export class Stage {
  readonly top: string = mkdtempSync(join(tmpdir(), 'gait-hard-place-'));
  readonly dir: string = join(this.top, 'work');
  readonly root: string = join(this.dir, 'gait-out', 'jobs');
  readonly how: How = { cwd: this.dir };
  readonly #started: Started[] = [];
  readonly #undo: (() => void)[] = [];

  constructor() {
    mkdirSync(this.dir);
    writeFileSync(join(this.top, 'command.sh'), SCRIPT);
    chmodSync(this.top, 0o755); // another account comes here too
  }

  /** What is undone, latest first, before the directory goes. */
  later(undo: () => void): void {
    this.#undo.push(undo);
  }

  ok(words: readonly string[], how: Partial<How> = {}): Promise<Said> {
    return ok(words, { ...this.how, ...how });
  }

  gait(words: readonly string[], how: Partial<How> = {}): Promise<Answer> {
    return gait(words, { ...this.how, ...how });
  }

  submit(id: string, first: number, later: number): Promise<Said> {
    const command = ['sh', join(this.top, 'command.sh'), join(this.top, id), String(first), String(later)];
    return this.ok(['job', 'submit', '--id', id, '--actor', 'agent', '--', ...command]);
  }

  start(words: readonly string[], how: Partial<How> = {}): Started {
    const started = start(words, { ...this.how, ...how });
    this.#started.push(started);
    return started;
  }

  worker(name: string, how: Partial<How> = {}): Started {
    return this.start(['job', 'work', '--worker', name, '--ttl', '1s', '--idle', '100ms'], how);
  }

  log(id: string): Log {
    return readLog(this.root, id);
  }

  marks(id: string): string[] {
    try {
      return readFileSync(join(this.top, id), 'utf8').split('\n').slice(0, -1);
    } catch {
      return [];
    }
  }

  /** Until its command has started. */
  async running(id: string): Promise<void> {
    if (!(await until(() => this.marks(id).length > 0)))
      throw new Error(`the command of ${id} never started`);
  }

  /** What is wrong with a job that should have been completed, with nobody blamed for anything. */
  async notDone(id: string): Promise<string[]> {
    const done = await until(() => count(this.log(id), 'checkpoint_added', 'checkpoint_completed') === 1);
    const log = this.log(id);
    const marks = this.marks(id);
    const token = log.events.findLast(({ type }) => type === 'lease_acquired')?.revision;
    const ends = marks.filter((mark) => mark === `end ${token}`).length;
    const verified = (await this.gait(['job', 'verify', '--id', id])).exit;
    return [
      ...(done ? [] : [`${id} was not completed: ${log.events.map(({ type }) => type).join(' ')}`]),
      ...(marks.includes('overlap') ? [`${id}: two commands at once`] : []),
      ...(count(log, 'checkpoint_added', 'checkpoint_blocked') > 0 ? [`${id} was blocked`] : []),
      ...(log.events.some(({ payload }) => payload['outcome'] === 'failed') ? [`${id} was blamed`] : []),
      ...(ends === 1 ? [] : [`${id}: the command ended ${ends} times under its last token`]),
      ...(verified === 0 ? [] : [`${id}: job verify exits ${verified}`]),
    ];
  }

  async close(): Promise<void> {
    for (const { child } of this.#started) child.kill('SIGCONT');
    for (const { child } of this.#started) child.kill('SIGKILL');
    await Promise.all(this.#started.map(({ done }) => done));
    for (const undo of this.#undo.reverse()) undo();
    rmSync(this.top, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** Tells a worker to drain; it has to end by itself, with exit 0. */
export async function drained({ child, done }: Started): Promise<string[]> {
  child.kill('SIGTERM');
  const { exit, err } = await done;
  return exit === 0 ? [] : [`the worker was told to drain, and ended with ${exit}: ${err}`];
}
