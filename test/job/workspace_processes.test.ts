import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { openWorkspace } from '../../src/index.ts';
import { type Workspace, workspace } from '../support/cli.ts';
import { installGuide, type Program, startProgram } from '../support/examples.ts';
import { until } from '../support/leased.ts';
import { standStill } from '../support/stopped.ts';

/** A program in the directory of a workspace, started. What it throws ends it with exit 1. */
async function started(here: Workspace, code: string): Promise<Program> {
  const program = `import { openWorkspace } from 'gait';\nconst workspace = openWorkspace();\n${code}\n`;
  await installGuide({ programs: new Map([['program.mjs', program]]), lines: [] }, here.dir);
  return startProgram(here.dir, 'program.mjs');
}

describe('an agent as a process', { concurrency: true }, () => {
  test('ends by itself though it holds a lease, which runs out', async (t) => {
    const here = await workspace(t);
    const agent = await started(
      here,
      `await workspace.submit('j');
       const job = await workspace.claim('j');
       job.signal.addEventListener('abort', () => console.log('aborted'));
       console.log(job.token);`,
    );
    assert.equal(await agent.ended, 0, agent.output());
    assert.equal(agent.output(), '2\n');
    assert.equal((await here.jobs.load('j')).state.lease?.token, 2);
  });

  test('stays while it waits for a person, who ends it from elsewhere; nobody has to catch what is not awaited', async (t) => {
    const here = await workspace(t);
    const agent = await started(
      here,
      `await workspace.submit('j');
       const job = await workspace.claim('j');
       void job.decision({ summary: 'one', requiredAction: 'do it?' });
       void job.decision({ summary: 'two', requiredAction: 'do it?' });
       job.signal.addEventListener('abort', () => console.log(job.signal.reason.code));`,
    );
    const asked = async (): Promise<boolean> =>
      (await here.jobs.load('j').catch(() => undefined))?.state.open_decisions.length === 2;
    await until('both questions are asked', asked);
    await here.text('job cancel --id j --actor alice');
    assert.equal(await agent.ended, 0, agent.output());
    assert.equal(agent.output(), 'work_interrupted\n');
  });

  test('that was stopped past its lease can add nothing once another took over', async (t) => {
    const here = await workspace(t);
    const agent = await started(
      here,
      `await workspace.submit('j');
       const job = await workspace.claim('j', { ttlMs: 2000 });
       const sleep = () => new Promise((resolve) => setTimeout(resolve, 20));
       let continued = false;
       process.once('SIGCONT', () => { continued = true; });
       console.log('claimed');
       while (!continued) await sleep();
       for (let n = 1; !job.signal.aborted; n += 1) {
         await job.checkpoint('step ' + n).catch(({ code }) => console.log('refused: ' + code));
         await sleep();
       }
       console.log('aborted: ' + job.signal.reason.code);
       await job.complete('done').catch(({ code }) => console.log('refused: ' + code));`,
    );
    await agent.prints('claimed');
    await standStill(agent.child, here.folder('j', 'log.ndjson'));
    const other = openWorkspace({ dir: here.path('gait-out'), actor: 'other' });
    const taken = await other.claim('j', { wait: true, graceMs: 0 });
    const before = (await taken.state()).checkpoint_count;
    agent.child.kill('SIGCONT');
    assert.equal(await agent.ended, 0, agent.output());
    assert.match(agent.output(), /aborted: lease_lost\nrefused: lease_lost\n$/);
    assert.equal((await taken.state()).checkpoint_count, before);
    assert.equal((await taken.complete('by the other')).status, 'completed');
    await other.close();
    await here.ok('job verify --id j');
  });

  test('binds a job to the same environment as the command does', async (t) => {
    const here = await workspace(t);
    await writeFile(here.path('agent.lock'), 'version 1\n');
    const file = here.path('agent.lock');
    const library = openWorkspace({ dir: here.path('gait-out'), actor: 'agent' });
    await library.submit('plain');
    await here.ok('job submit --id plain-too --actor alice');
    const rules = ['env:GAIT_TEST_MODEL', `file:${file}`, `file:${here.path('absent')}`, 'hostname'];
    await library.submit('bound', { rules });
    const flags = rules.map((rule) => `--fingerprint-rule ${rule}`).join(' ');
    await here.ok(`job submit --id bound-too --actor alice ${flags}`);
    for (const id of ['plain', 'bound']) {
      const [own, theirs] = [await library.state(id), await library.state(`${id}-too`)];
      assert.deepEqual(own.environment, theirs.environment);
      assert.equal(own.environment_fingerprint, theirs.environment_fingerprint);
    }

    const job = await library.claim('bound-too', { ttlMs: 5000 });
    const asked = job.decision({ summary: 'one', requiredAction: 'do it?' });
    await until('it is asked', async () => (await job.state()).open_decisions.length === 1);
    await writeFile(file, 'version 2\n');
    await here.ok('job approve --id bound-too --actor alice --reason yes');
    await assert.rejects(asked, { code: 'environment_mismatch' });
    await writeFile(file, 'version 1\n');
    assert.equal((await job.decision({ summary: 'one', requiredAction: 'do it?' })).approvedBy, 'alice');
    await library.close();
  });
});
