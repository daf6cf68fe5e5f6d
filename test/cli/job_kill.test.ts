import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { environmentHere } from '../../src/job/environment.ts';
import { type Workspace, workspace } from '../support/cli.ts';
import { seeded } from '../support/seed.ts';
import { assertSound, library } from '../support/work.ts';

interface Case {
  /** What the job has behind it. */
  readonly before: 'nothing' | 'submitted' | 'paused' | 'asked' | 'claimed';
  readonly line: string;
}

/** Every command that writes to a job. */
const CASES: readonly Case[] = [
  { before: 'nothing', line: 'submit' },
  { before: 'submitted', line: 'checkpoint add --summary s' },
  { before: 'submitted', line: 'checkpoint add --type completed --summary s' },
  { before: 'submitted', line: 'pause' },
  { before: 'submitted', line: 'cancel' },
  { before: 'submitted', line: 'stop' },
  { before: 'submitted', line: 'claim' },
  { before: 'paused', line: 'resume' },
  { before: 'asked', line: 'approve' },
  { before: 'claimed', line: 'renew --token 2' },
  { before: 'claimed', line: 'release --token 2' },
];

const KILLS_EACH = 4;

async function prepare(w: Workspace, id: string, { before }: Case): Promise<void> {
  if (before === 'nothing') return;
  const { jobs } = library(w);
  const author = { actor: 'tester' };
  await library(w).submit(id);
  if (before === 'paused') await jobs.execute(id, author, { kind: 'pause' });
  if (before === 'claimed')
    await jobs.execute(
      id,
      { actor: 'w1' },
      { kind: 'claim', workerId: 'w1', ttlMs: 60_000, graceMs: 2000, claim: await environmentHere() },
    );
  if (before === 'asked') {
    const asks = { kind: 'checkpoint', type: 'decision-needed', summary: 's', requiredAction: 'a' } as const;
    await jobs.execute(id, author, asks);
  }
}

/** How long a command takes here and now: what the kills are spread over. Milliseconds. */
async function usual(w: Workspace): Promise<number> {
  const start = performance.now();
  await w.gait('job list --json');
  return performance.now() - start;
}

async function kill(w: Workspace, id: string, aCase: Case, afterMs: number): Promise<boolean> {
  await prepare(w, id, aCase);
  const before = aCase.before === 'nothing' ? '' : (await w.logOf(id)).toString();
  const { exit } = await w.gait(`job ${aCase.line} --id ${id}`, { killAfterMs: afterMs });
  const status = (await w.gait(`job status --id ${id} --json`)).json();
  if (aCase.before === 'nothing' && !status.ok) {
    assert.equal(status.error_code, 'job_not_found');
    assert.equal(exit, 128, 'it said that the job was submitted');
    return false;
  }
  assert.ok(status.ok, `${aCase.line}: ${status.error}`);
  const after = (await w.logOf(id)).toString();
  assert.ok(after.startsWith(before), `${aCase.line} changed what was there`);
  const wrote = after.slice(before.length).split('\n').length > 1;
  assert.ok(wrote || exit === 128, `${aCase.line} answered, and wrote nothing`);
  await assertSound(w, id);
  return wrote;
}

describe('kill -9 of a command that writes', { concurrency: 3 }, () => {
  for (const aCase of CASES) {
    test(`${aCase.line} (${aCase.before}): the next command reads the job without repair`, async (t) => {
      const w = await workspace(t);
      const time = await usual(w);
      const random = seeded(`kill of ${aCase.line}`);
      let wrote = 0;
      for (let i = 0; i < KILLS_EACH; i += 1) {
        const afterMs = time * ((i + random.real()) / KILLS_EACH) * 1.2;
        if (await kill(w, `j${i}`, aCase, afterMs)) wrote += 1;
      }
      t.diagnostic(`${wrote} of ${KILLS_EACH} had written`);
    });
  }
});
