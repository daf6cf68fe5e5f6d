import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { sized } from '../support/sized.ts';
import { Bench, JOB } from './bench.ts';
import { everyCall } from './calls.ts';
import { TRIED, type Tried } from './commands.ts';
import { type Answer, gait } from './gait.ts';
import { hardPlaces, PLACES } from './places/all.ts';
import { sound } from './report.ts';
import { straceHere } from './strace.ts';
import { Trial } from './trial.ts';

test('some system calls of an approval and of a repair, failed and killed: nothing lost, doubled, misreported', {
  skip: straceHere() ? false : 'strace is absent',
}, async (t) => {
  const faults: string[] = [];
  const say = (line: string): void => {
    t.diagnostic(line);
    if (line.startsWith('FAULT')) faults.push(line);
  };
  for (const only of ['job approve', 'job repair']) {
    const [row] = await everyCall({ only, every: sized(29, 97), atOnce: 2 }, say);
    assert.ok(row !== undefined && row.failed + row.killed > 0);
  }
  assert.deepEqual(faults, []);
});

test('hard places: a lock that lies, a root that is read-only', async (t) => {
  for (const only of ['lock lies', 'read-only']) {
    const rows = await hardPlaces(only, 1, (line) => t.diagnostic(line));
    assert.equal(rows.length, 1);
    assert.ok(sound([], rows), rows.flatMap(({ faults }) => faults).join('\n'));
  }
});

test('no two hard places have one name', () => {
  assert.equal(new Set(PLACES.map(({ name }) => name)).size, PLACES.length);
});

/** A bench on which a command was given so often. */
async function benchAfter(
  t: TestContext,
  name: string,
  times: number,
): Promise<[Bench, Tried, Answer, Trial]> {
  const bench = new Bench();
  t.after(() => bench.remove());
  const tried = TRIED.find((one) => one.name === name);
  assert.ok(tried !== undefined);
  await bench.prepare(tried.prepare(bench), tried.spoil ?? (() => {}));
  const trial = new Trial(bench, tried, bench.log());
  let answer: Answer = { exit: undefined, stuck: false, out: '', err: '', said: undefined };
  for (let i = 0; i < times; i += 1) answer = await gait(tried.words(bench), bench.how);
  return [bench, tried, answer, trial];
}

const wrongs = ({ findings }: Trial): string[] => findings.map(({ wrong }) => wrong);

describe('what a trial finds', () => {
  test('nothing, where all is well', async (t) => {
    const [, , answer, trial] = await benchAfter(t, 'job release', 1);
    trial.judge(answer, false);
    await trial.goOn(answer);
    assert.deepEqual(trial.findings, []);
  });

  test('an effect that was acknowledged, and is not there', async (t) => {
    const [bench, , answer, trial] = await benchAfter(t, 'job checkpoint add', 1);
    const path = join(bench.root, JOB, 'log.ndjson');
    writeFileSync(path, readFileSync(path, 'utf8').split('\n').slice(0, 1).join('\n').concat('\n'));
    trial.judge(answer, false);
    assert.deepEqual(wrongs(trial), ['lost']);
  });

  test('history that is gone, and what a repair cut and did not keep', async (t) => {
    for (const name of ['job approve', 'job repair --yes']) {
      const [bench, , answer, trial] = await benchAfter(t, name, 0);
      const path = join(bench.root, JOB, 'log.ndjson');
      writeFileSync(path, readFileSync(path, 'utf8').split('\n').slice(0, 1).join('\n').concat('\n'));
      trial.judge({ ...answer, exit: undefined }, true);
      assert.deepEqual(wrongs(trial), ['lost'], name);
    }
  });

  test('an effect that is there twice', async (t) => {
    const [, , answer, trial] = await benchAfter(t, 'job checkpoint add', 2);
    trial.judge(answer, false);
    assert.deepEqual(wrongs(trial), ['doubled']);
  });

  test('a refusal of what was done, an exit that is not the documented one, a death', async (t) => {
    const [, , answer, trial] = await benchAfter(t, 'job claim', 1);
    const refusal = { ok: false, error_code: 'io_error', error_category: 'io_failure', exit_code: 1 };
    trial.judge({ ...answer, exit: 1, said: refusal }, false);
    trial.judge({ ...answer, exit: 1, said: { ...refusal, error_code: 'append_unconfirmed' } }, false);
    assert.deepEqual(wrongs(trial), ['misreported']);
    trial.judge({ ...answer, exit: 70 }, false);
    trial.judge({ ...answer, exit: undefined }, false);
    assert.deepEqual(wrongs(trial), ['misreported', 'misreported', 'misreported']);
  });

  test('a command that ran again after its end was recorded', async (t) => {
    const [bench, tried, answer, trial] = await benchAfter(t, 'job run --complete', 1);
    const next = async (): Promise<undefined> => writeFileSync(bench.marks, 'ran\nran\n') as undefined;
    const rerun = new Trial(bench, { ...tried, next }, bench.log());
    await rerun.goOn(answer);
    assert.deepEqual([wrongs(trial), wrongs(rerun)], [[], ['doubled']]);
  });

  test('a job that does not go on, a log that is not sound', async (t) => {
    const [bench, tried, answer] = await benchAfter(t, 'job approve', 1);
    const next = async (): Promise<string> => {
      const path = join(bench.root, JOB, 'log.ndjson');
      writeFileSync(path, `${readFileSync(path, 'utf8')}{"event":{}}\n`);
      return 'it cannot';
    };
    const trial = new Trial(bench, { ...tried, next }, bench.log());
    await trial.goOn(answer);
    assert.deepEqual(wrongs(trial), ['stuck', 'stuck']);
  });
});
