import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { uptime } from '../../src/host/process/guard_watches.ts';
import { childEnv } from '../support/child_env.ts';
import { BUNDLED_GUARD } from '../support/guard_worker.ts';
import { gone, lives } from '../support/work.ts';

const FILES = {
  library: fileURLToPath(new URL('../../src/host/process/guard_main.js', import.meta.url)),
  bundle: BUNDLED_GUARD,
};

/** A guard to speak to, line by line. */
class Spoken {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly #heard: AsyncIterator<string>;

  constructor(t: TestContext, file: string) {
    const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'inherit'], env: childEnv() });
    t.after(() => child.kill('SIGKILL'));
    assert.ok(child.pid !== undefined);
    this.child = child;
    this.pid = child.pid;
    this.#heard = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  say(words: string): void {
    this.child.stdin?.write(words);
  }

  async hears(): Promise<string | undefined> {
    const { value } = await this.#heard.next();
    return value;
  }
}

/** A group of one process that does nothing. */
function idler(t: TestContext): number {
  const { pid } = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  assert.ok(pid !== undefined);
  t.after(() => {
    if (lives(pid)) process.kill(-pid, 'SIGKILL');
  });
  return pid;
}

const LATER = 600_000;

for (const [kind, file] of Object.entries(FILES)) {
  describe(`the guard of the ${kind}`, { concurrency: 4, timeout: 120_000 }, () => {
    test('kills at the end, says so, and says it again when asked', async (t) => {
      const guard = new Spoken(t, file);
      const [one, other] = [idler(t), idler(t)];
      guard.say(`watch ${one} ${uptime() + LATER}\nwatch ${other} ${uptime() + LATER}\n`);
      assert.deepEqual([await guard.hears(), await guard.hears()], [`watching ${one}`, `watching ${other}`]);
      guard.say(`beat ${one} ${uptime() + 200}\n`);
      assert.equal(await guard.hears(), `killed ${one}`);
      await gone(one);
      guard.say(`done ${one}\ndone ${other}\n`);
      assert.deepEqual(
        [await guard.hears(), await guard.hears()],
        [`over ${one} killed`, `over ${other} left`],
      );
      assert.ok(lives(other));
    });

    test('a word that comes in pieces is heard when it is whole, and one that stays half is never', async (t) => {
      const guard = new Spoken(t, file);
      const group = idler(t);
      const words = `watch ${group} ${uptime() + LATER}\n`;
      for (const piece of [words.slice(0, 9), words.slice(9)]) {
        guard.say(piece);
        await sleep(50);
      }
      assert.equal(await guard.hears(), `watching ${group}`);
      guard.say(`done ${group}`);
      guard.child.stdin?.end();
      await gone(group); // the worker was gone before it had said it
      assert.equal(await guard.hears(), undefined);
    });

    test('that was stopped itself: what was said in time counts, though it is read after the end', async (t) => {
      const guard = new Spoken(t, file);
      const group = idler(t);
      guard.say(`watch ${group} ${uptime() + LATER}\n`);
      await guard.hears();
      const end = uptime() + 2000;
      guard.say(`beat ${group} ${end}\n`);
      await sleep(200); // it has set its timer
      guard.child.kill('SIGSTOP');
      if (uptime() > end) return t.skip('this machine stood still itself');
      guard.say(`beat ${group} ${uptime() + LATER}\n`);
      await sleep(Math.max(0, end - uptime()) + 100);
      guard.child.kill('SIGCONT');
      guard.say(`done ${group}\n`);
      assert.equal(await guard.hears(), `over ${group} left`);
      assert.ok(lives(group));
    });

    test('ends what it watches when nobody speaks to it any more, and nothing else', async (t) => {
      const guard = new Spoken(t, file);
      const [watched, done, never] = [idler(t), idler(t), idler(t)];
      for (const group of [watched, done]) guard.say(`watch ${group} ${uptime() + LATER}\n`);
      guard.say(`done ${done}\n`);
      for (let i = 0; i < 3; i += 1) await guard.hears();
      guard.child.stdin?.end();
      await gone(watched);
      await gone(guard.pid);
      assert.deepEqual([lives(done), lives(never)], [true, true]);
    });
  });
}
