import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { childEnv } from './support/child_env.ts';
import { sourceOf } from './support/house.ts';

const ROOT = process.env['GAIT_ROOT'] ?? process.cwd();
const SUBPATHS = ['job', 'gate', 'pack', 'run', 'log', 'testing'];

/** What a source file of a subpath hands on, types left out. */
function valuesOf(name: string): string[] {
  const text = readFileSync(join(ROOT, 'src', `${name}.ts`), 'utf8');
  const named = [...text.matchAll(/^export \{([^}]*)\} from/gm)].flatMap(([, list = '']) => list.split(','));
  const values = named.map((one) => one.trim()).filter((one) => one !== '' && !one.startsWith('type '));
  return values.map((one) => one.split(' as ').at(-1) ?? one).sort();
}

async function exportsOf(specifier: string): Promise<string[]> {
  return Object.keys((await import(specifier)) as object).sort();
}

describe('the library, as it is shipped', () => {
  for (const name of SUBPATHS) {
    test(`gait/${name} has what its source hands on`, async () => {
      const values = valuesOf(name);
      assert.ok(values.length > 3);
      assert.deepEqual(await exportsOf(`gait/${name}`), values);
    });
  }

  test('gait has all of them but what proves things, which loads assertions', async () => {
    const all = SUBPATHS.filter((name) => name !== 'testing').flatMap(valuesOf);
    assert.deepEqual(await exportsOf('gait'), [...new Set(all)].sort());
  });

  test('all of them share one engine: what one throws is an error of the other', async () => {
    const [job, log] = (await Promise.all(['gait/job', 'gait/log'].map((name) => import(name)))) as [
      { openWorkspace(options: object): { state(id: string): Promise<unknown> } },
      { GaitError: new () => Error },
    ];
    const missing = job.openWorkspace({ dir: join(ROOT, 'build', 'nowhere') }).state('none');
    await assert.rejects(missing, log.GaitError);
  });

  test('it can be required, from Node 20.19 on, and schemas are part of it', () => {
    const code = `
      const { openWorkspace } = require('gait/job');
      const schema = require('gait/schemas/v1/job/event.schema.json');
      console.log(typeof openWorkspace, schema.$id !== undefined, require('gait/package.json').name);`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], { cwd: ROOT, env: childEnv() });
    assert.equal(String(stdout), 'function true gait\n', String(stderr));
  });

  test('a decider of somebody else is proven with given/when/then', async () => {
    const { specify } = (await import('gait/testing' as string)) as typeof import('../src/testing.ts');
    const model = {
      idField: 'light_id',
      initial: 'off',
      evolve: (_: string, event: object) => ('type' in event ? String(event.type) : 'off'),
      snapshot: { save: () => ({}), load: () => undefined },
    };
    const given = specify<string, string>(model, (state, command) =>
      state === command ? { events: [] } : { events: [{ type: command }] },
    );
    given().when('on').recorded({ type: 'on' });
    given({ type: 'on' }).when('on').recorded();
    assert.throws(() => given().when('on').recorded({ type: 'off' }), { code: 'ERR_ASSERTION' });
  });

  test('its sources name no file twice', () => {
    for (const name of SUBPATHS) {
      const { imports } = sourceOf(readFileSync(join(ROOT, 'src', `${name}.ts`), 'utf8'));
      const files = imports.map(({ specifier }) => specifier);
      assert.deepEqual(files, [...new Set(files)]);
    }
  });
});
