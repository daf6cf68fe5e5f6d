// Commands from cold, as a person calls them, beside a Node that does nothing.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { childEnv, ROOT } from '../run.mjs';
import { median, row } from './table.mjs';

/** What a command that agents call all the time may take, in starts of Node. */
export const HOT = 1.5;
/** What any command may take. */
export const ANY = 2.5;

/** Times a command of gait, and `node -e 0` in turn with it. */
export function fromCold(what, args, bar) {
  const env = childEnv();
  const commands = [
    ['-e', '0'],
    [join(ROOT, 'bundle', 'main.cjs'), ...args],
  ];
  const times = commands.map(() => []);
  for (let i = 0; i < 34; i += 1) {
    for (const [which, words] of commands.entries()) {
      const start = process.hrtime.bigint();
      const { status } = spawnSync(process.execPath, words, { env, stdio: ['ignore', 'pipe', 'inherit'] });
      if (status !== 0) throw new Error(`exit ${status}`);
      if (i >= 4) times[which].push(Number(process.hrtime.bigint() - start) / 1e6);
    }
  }
  const [bare, ours] = times.map(median);
  const rival = `node -e 0 ${bare.toFixed(0)} ms`;
  row(what, `${ours.toFixed(0)} ms`, rival, ours / bare, `≤ ${bar}`, ours / bare <= bar);
}
