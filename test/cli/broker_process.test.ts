import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { assertStopped, credentialIn, faultIn, HEART, Programs } from '../support/brokers.ts';
import { childEnv } from '../support/child_env.ts';
import { PATIENCE_MS } from '../support/until.ts';

const ANSWER = `printf '{"credential_ref":"r"}'`;
const GIVEN = { broker: 'command', ref: 'r' };
/** Whoever waits for what never ends fails here. */
const HANGS = { timeout: PATIENCE_MS };
const LONG = ['--credential-timeout', '10m'];

describe('W-35 the output of a command', () => {
  test('is what it prints, whatever noise it makes beside', HANGS, async (t) => {
    const programs = new Programs(t);
    programs.script('lookup', 'head -c 1000000 /dev/zero >&2', ANSWER, 'echo warning >&2');
    assert.deepEqual(credentialIn(await programs.issue('lookup', { argv: LONG })), GIVEN);
  });

  const padded = (bytes: number): string => {
    const answer = '{"credential_ref":"r","pad":""}';
    return answer.replace('""', `"${'x'.repeat(bytes - answer.length)}"`);
  };
  for (const [bytes, fits] of [[16_384, true] as const, [16_385, false] as const]) {
    test(`may have 16 KiB and no more: ${bytes} bytes`, async (t) => {
      const programs = new Programs(t);
      programs.script('lookup', 'cat answer');
      writeFileSync(programs.path('answer'), padded(bytes));
      const issued = await programs.issue('lookup');
      if (fits) assert.deepEqual(credentialIn(issued), GIVEN);
      else assert.match(faultIn(issued).detail, /more than 16384 bytes/);
    });
  }

  test('ends the command when it does not end itself', HANGS, async (t) => {
    const programs = new Programs(t);
    programs.script('lookup', HEART, 'exec yes');
    const fault = faultIn(await programs.issue('lookup', { argv: LONG }));
    assert.match(fault.detail, /more than 16384 bytes/);
    await assertStopped(programs.path('beat'));
  });
});

describe('W-35 what a command starts', () => {
  test(
    'is killed when the command is done, and keeps nobody waiting by holding its output',
    HANGS,
    async (t) => {
      const programs = new Programs(t);
      programs.script('lookup', HEART, 'sleep 600 &', ANSWER);
      assert.deepEqual(credentialIn(await programs.issue('lookup', { argv: LONG })), GIVEN);
      await assertStopped(programs.path('beat'));
    },
  );

  test('is killed with the command when its time is over, whatever it ignores', HANGS, async (t) => {
    const programs = new Programs(t);
    programs.script('lookup', "trap '' TERM", HEART, ANSWER, 'sleep 600; true');
    const fault = faultIn(await programs.issue('lookup', { argv: ['--credential-timeout', '2s'] }));
    assert.equal(fault.reason, 'broker_credential_missing');
    assert.match(fault.detail, /not done after 2000 ms/);
    await assertStopped(programs.path('beat'));
  });

  test('says nothing more once the command is done', async (t) => {
    const programs = new Programs(t);
    const later = '(while kill -0 $$; do sleep 0.01; done; sleep 0.05; echo more) &';
    programs.script('lookup', later, ANSWER);
    assert.deepEqual(credentialIn(await programs.issue('lookup')), GIVEN);
  });

  /** A command that leaves a process behind in a group of its own, which holds its output. */
  function leaving(t: TestContext, ...lines: readonly string[]): Programs {
    const programs = new Programs(t);
    const options = `{ detached: true, stdio: 'inherit' }`;
    const start = `const left = require('child_process').spawn('sleep', ['600'], ${options});`;
    const leave = `${start} left.unref(); require('fs').writeFileSync('left', String(left.pid));`;
    programs.script('lookup', `"${process.execPath}" -e "${leave}"`, ...lines);
    return programs;
  }

  /** Ends what was left behind, which must be there. */
  function endLeft(programs: Programs): void {
    process.kill(Number(readFileSync(programs.path('left'), 'utf8')), 'SIGKILL');
  }

  test('keeps nobody waiting though it has left the group', HANGS, async (t) => {
    const programs = leaving(t, ANSWER);
    const issued = await programs.issue('lookup', { argv: LONG });
    endLeft(programs);
    assert.deepEqual(credentialIn(issued), GIVEN);
  });

  test('keeps nobody waiting beyond the time limit either', HANGS, async (t) => {
    const programs = leaving(t, ANSWER, 'exec sleep 600');
    const issued = await programs.issue('lookup', { argv: ['--credential-timeout', '10s'] });
    endLeft(programs);
    assert.match(faultIn(issued).detail, /not done after 10000 ms/);
  });
});

describe('W-35 a command ends with gait', () => {
  async function interrupted(t: TestContext, ...more: readonly string[]): Promise<[unknown, string]> {
    const programs = new Programs(t);
    const lookup = programs.script('lookup', HEART, 'sleep 600');
    const worker = fileURLToPath(new URL('./broker_worker.js', import.meta.url));
    const child = spawn(process.execPath, [worker, lookup, ...more], { env: childEnv() });
    const [printed, ended] = [text(child.stdout), once(child, 'exit')];
    const beats = async (): Promise<number> =>
      (await stat(programs.path('beat')).catch(() => ({ size: 0 }))).size;
    while (child.exitCode === null && (await beats()) === 0) await sleep(20);
    child.kill('SIGTERM');
    const [code, signal] = await ended;
    await assertStopped(programs.path('beat'));
    return [signal ?? code, await printed];
  }

  test('when it is asked to end', HANGS, async (t) => {
    assert.deepEqual(await interrupted(t), ['SIGTERM', '']);
  });

  // A signal may come while the command starts, and nobody can send it at that moment: so the process is asked itself.
  test('also when it is asked as the command starts: it listens before there is a command', async (t) => {
    const programs = new Programs(t);
    programs.script('lookup', ANSWER);
    const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    const listening = (): number[] => names.map((name) => process.listenerCount(name));
    const before = listening();
    const starts: number[][] = [];
    const note = (): void => void starts.push(listening());
    subscribe('child_process', note);
    t.after(() => unsubscribe('child_process', note));
    assert.deepEqual(credentialIn(await programs.issue('lookup')), GIVEN);
    assert.deepEqual(starts, [before.map((count) => count + 1)]);
    assert.deepEqual(listening(), before, 'and no more once it is done');
  });

  test('and is a fault when gait goes on to say what it was at', HANGS, async (t) => {
    const [code, printed] = await interrupted(t, 'listen');
    assert.equal(code, 0);
    assert.match(printed, /^heard\n\{"fault":\{.*interrupted by SIGTERM.*\}\}\n$/);
  });
});
