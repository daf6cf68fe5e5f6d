import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { differingAnswers } from './answers.ts';
import { type Case, KINDS, readCases, skip } from './corpus.ts';
import { type Difference, describeDifference } from './difference.ts';
import { reportOf } from './report.ts';
import { eachOf, runCase } from './run_case.ts';
import { type Judgement, judge, readTable } from './table.ts';
import { differingFiles } from './written_files.ts';

const cases = skip === false ? readCases() : [];
/** A file to write every difference to, covered by the table or not. */
const REPORT = process.env['INTEROP_REPORT'];

describe('commands on what the Go versions of gait recorded', { skip }, () => {
  let scratch = '';
  const found = new Map<string, Difference[]>();
  const broken = new Map<string, unknown>();
  let judgement: Judgement = { uncovered: [], stale: [] };

  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'gait-interop-'));
    await eachOf(cases, availableParallelism(), async (one) => {
      await differencesOf(one, scratch).then(
        (differences) => found.set(one.id, differences),
        (error: unknown) => broken.set(one.id, error),
      );
    });
    const differences = cases.flatMap(({ id }) => found.get(id) ?? []);
    judgement = judge(readTable(), differences);
    if (REPORT !== undefined) writeFileSync(REPORT, reportOf(cases, differences, judgement.uncovered));
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  test('there are cases of every kind', () => {
    const kinds = new Set(cases.map(({ kind }) => kind));
    assert.deepEqual(
      KINDS.filter((kind) => !kinds.has(kind)),
      ['verify-guard'], // none of these runs `pack verify`
    );
  });

  for (const { id, notes } of cases) {
    test(`${id}: ${notes}`, () => {
      if (broken.has(id)) throw broken.get(id);
      const here = found.get(id) ?? [];
      const open = here.filter((difference) => judgement.uncovered.includes(difference));
      assert.equal(open.map(describeDifference).join('\n'), '', 'not in docs/contracts/interop.md');
    });
  }

  test('every row of docs/contracts/interop.md covers a difference', () => {
    const rows = judgement.stale.map(({ line, case: pattern, what }) => `line ${line}: ${pattern} | ${what}`);
    assert.equal(rows.join('\n'), '', 'nothing differs there any more');
  });
});

async function differencesOf(one: Case, scratch: string): Promise<Difference[]> {
  const run = await runCase(one, scratch);
  return [...differingAnswers(one, run.printed), ...(await differingFiles(one, run))];
}
