import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a test waits for what has to come. Nothing takes so long, unless it never comes. Milliseconds. */
export const PATIENCE_MS = 120_000;

/** Waits until something is so. The one clock that a test may fail by, and only when all patience is at its end. */
export async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await is())) {
    assert.ok(performance.now() < end, `it never came to this: ${what}`);
    await sleep(20);
  }
}
