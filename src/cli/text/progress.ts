import type { Progress } from '../../host/pack_sources.ts';
import type { Screen } from '../io.ts';

/** Work on fewer bytes than this is over before a bar could be read. */
const WORTH_SHOWING = 64 * 1024 * 1024;
const EVERY_MS = 100;
const WIDTH = 24;

/** A bar on the terminal of standard error for work on `total` bytes; nothing where there is no terminal. */
export function progressBar(what: string, total: number, screen: Screen | undefined): Progress {
  if (screen === undefined || total < WORTH_SHOWING) return { add: () => {}, end: () => {} };
  let done = 0;
  let shown = 0;
  const started = Date.now();
  const show = (): void => {
    const share = Math.min(1, done / total);
    const filled = Math.round(share * WIDTH);
    const speed = done / 1e6 / Math.max(0.001, (Date.now() - started) / 1000);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}`;
    screen.inPlace(`${what} ${bar} ${Math.floor(share * 100)} % ${Math.round(speed)} MB/s`);
  };
  return {
    add(count) {
      done += count;
      if (Date.now() - shown < EVERY_MS) return;
      shown = Date.now();
      show();
    },
    end: () => screen.inPlace(''),
  };
}
