import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { HeadWatch } from '../../src/log/known_heads.ts';
import { type Workspace, workspace } from '../support/cli.ts';
import fc from '../support/property.ts';

const OTHER = 'f'.repeat(64);

async function cut(w: Workspace, path: string, lines = 1): Promise<void> {
  const text = String(await readFile(w.path(path)));
  const kept = text.split('\n').slice(0, -1 - lines);
  await writeFile(w.path(path), kept.map((line) => `${line}\n`).join(''));
}

async function eventsFile(w: Workspace, dir: string): Promise<string> {
  const found = (await readdir(w.path(dir), { recursive: true })).filter((name) =>
    /\.(nd)?jsonl?$/.test(name),
  );
  const [name = ''] = found.filter((one) => one.includes('events') || one.includes('log'));
  return `${dir}/${name}`;
}

async function withJob(w: Workspace): Promise<void> {
  await w.ok('job submit --id j1 --actor agent');
  await w.ok('job pause --id j1 --actor bob --reason r');
}

interface Verified {
  readonly verification: { readonly head: { readonly revision: number; readonly hash: string } };
}

describe('F9: what is remembered of a log', () => {
  test('job verify --expect-head: what went on verifies, what is shorter or other does not', async (t) => {
    const w = await workspace(t);
    await withJob(w);
    const { head } = ((await w.ok('job verify --id j1')) as unknown as Verified).verification;
    const then = `${head.revision}:${head.hash}`;
    assert.match(await w.text('job verify --id j1'), new RegExp(`head ${then}`));
    await w.ok('job resume --id j1 --actor bob --reason r');
    await w.ok(`job verify --id j1 --expect-head ${then}`);
    await w.ok(`job verify --id j1 --expect-head ${then.toUpperCase()}`);
    await w.refused(
      `job verify --id j1 --expect-head ${head.revision}:${OTHER}`,
      'job_damaged',
      'verification_failed',
    );
    await w.refused(`job verify --id j1 --expect-head 99:${head.hash}`, 'job_damaged', 'verification_failed');
    for (const wrong of ['1', `0:${head.hash}`, `1:${head.hash}0`, 'x:y', `-1:${head.hash}`])
      await w.refused(`job verify --id j1 --expect-head=${wrong}`, 'flag_value_invalid', 'invalid_input');
  });

  test('a log that was cut behind a pack of it is told by the ledger of packs', async (t) => {
    const w = await workspace(t);
    await withJob(w);
    await w.ok('pack build --type job --from j1');
    await w.ok('job verify --id j1');
    await rm(w.path('gait-out/jobs/j1/snapshot.json'), { force: true });
    await cut(w, await eventsFile(w, 'gait-out/jobs/j1'));
    const { error } = await w.refused('job verify --id j1', 'job_damaged', 'verification_failed');
    assert.match(String(error), /entry 1 of the ledger of packs names revision 2; it ends at revision 1/);
  });

  test('the third attack on the evidence, 12: no pack is built of it, and from any folder the ledger is found', async (t) => {
    const w = await workspace(t);
    await withJob(w);
    await w.ok('pack build --type job --from j1');
    await rm(w.path('gait-out/jobs/j1/snapshot.json'), { force: true });
    await cut(w, await eventsFile(w, 'gait-out/jobs/j1'));
    for (const from of ['j1', 'gait-out/jobs/j1'])
      await w.refused(
        `pack build --type job --from ${from} --out x.zip`,
        'job_damaged',
        'verification_failed',
      );
    await assert.rejects(readFile(w.path('x.zip')), { code: 'ENOENT' });
    await mkdir(w.path('elsewhere'));
    const line = ['job', 'verify', '--id', 'j1', '--root', w.path('gait-out/jobs')];
    await w.refused(line, 'job_damaged', 'verification_failed', { cwd: 'elsewhere' });
  });

  test('the third attack on the evidence, 11: traces beside a log are held against the keys that are given', async (t) => {
    const w = await workspace(t);
    await w.ok('keys init --prefix gate --out-dir .');
    await writeFile(w.path('p.yaml'), 'default_verdict: allow');
    const context = { identity: 'a', workspace: '/w', risk_class: 'low' };
    await writeFile(w.path('c.json'), JSON.stringify({ tool_name: 'a', args: {}, targets: [], context }));
    await w.ok('gate eval --policy p.yaml --intent c.json --state-dir dl --private-key gate_private.key');
    const key = '--public-key gate_public.key';
    const demands = ['--require-signature', '--profile strict'].map((flags) => `${flags} ${key}`);
    for (const flags of demands) await w.ok(`verify chain --decisions dl ${flags}`);
    const [name = ''] = (await readdir(w.path('dl/records'))).filter((one) => one.startsWith('trace_'));
    const trace = await readFile(w.path('dl/records', name), 'utf8');
    await writeFile(w.path('dl/records', name), trace.replace(/"verdict": ?"allow"/, '"verdict":"block"'));
    for (const flags of demands)
      await w.refused(`verify chain --decisions dl ${flags}`, 'decisions_damaged', 'verification_failed');
    await w.refused('verify chain --decisions dl --require-signature', 'public_key_missing', 'invalid_input');
  });

  test('the third attack on the evidence, 10: a snapshot of any size takes no memory', async (t) => {
    const w = await workspace(t);
    await withJob(w);
    await writeFile(w.path('gait-out/jobs/j1/snapshot.json'), '');
    await truncate(w.path('gait-out/jobs/j1/snapshot.json'), 3 * 2 ** 30);
    await w.ok('job status --id j1');
    assert.equal(JSON.stringify(await w.ok('job verify --id j1')).includes('"snapshot":"unusable"'), true);
    await w.ok('job checkpoint add --id j1 --type progress --summary s');
  });

  test('pack verify --expect-head', async (t) => {
    const w = await workspace(t);
    await withJob(w);
    const { head } = ((await w.ok('job verify --id j1')) as unknown as Verified).verification;
    await w.ok('pack build --type job --from j1 --out j.zip');
    await w.ok(`pack verify j.zip --expect-head ${head.revision}:${head.hash}`);
    for (const other of [`${head.revision}:${OTHER}`, `${head.revision + 1}:${head.hash}`])
      await w.refused(`pack verify j.zip --expect-head ${other}`, 'pack_damaged', 'verification_failed');
  });

  test('a decision log that lacks what a trace beside it names, or what was expected', async (t) => {
    const w = await workspace(t);
    await writeFile(w.path('p.yaml'), 'default_verdict: allow');
    const context = { identity: 'a', workspace: '/w', risk_class: 'low' };
    for (const tool of ['a', 'b']) {
      await writeFile(w.path('c.json'), JSON.stringify({ tool_name: tool, args: {}, targets: [], context }));
      await w.ok('gate eval --policy p.yaml --intent c.json --state-dir dl');
    }
    const { decisions } = (await w.ok('verify chain --decisions dl')) as unknown as {
      decisions: { head: { revision: number; hash: string } };
    };
    const { revision, hash } = decisions.head;
    await w.ok(`verify chain --decisions dl --expect-head ${revision}:${hash}`);
    await w.refused(
      `verify chain --decisions dl --expect-head ${revision}:${OTHER}`,
      'decisions_damaged',
      'verification_failed',
    );
    await w.refused(`verify chain --expect-head ${revision}:${hash}`, 'flag_missing', 'invalid_input');
    await cut(w, await eventsFile(w, 'dl/decisions'));
    for (const file of await readdir(w.path('dl/decisions')))
      if (file.includes('snapshot')) await rm(w.path(`dl/decisions/${file}`));
    const { error } = await w.refused(
      'verify chain --decisions dl',
      'decisions_damaged',
      'verification_failed',
    );
    assert.match(String(error), /the trace records\/trace_.* names revision 2/);
  });

  test('a chain beside which a later checkpoint lies, or that lacks what was expected', async (t) => {
    const w = await workspace(t);
    await w.ok('run session start --journal n.jsonl --session-id s --run-id r');
    for (const round of [1, 2]) {
      await w.ok(`run session append --journal n.jsonl --tool t${round} --verdict allow`);
      await w.ok('run session checkpoint --journal n.jsonl');
      if (round === 1) await copyFile(w.path('n_chain.json'), w.path('first.json'));
    }
    const chain = JSON.parse(String(await readFile(w.path('n_chain.json')))) as {
      checkpoints: { checkpoint_index: number; checkpoint_digest: string }[];
    };
    const last = chain.checkpoints.at(-1);
    await w.ok(
      `verify session-chain n_chain.json --expect-head ${last?.checkpoint_index}:${last?.checkpoint_digest}`,
    );
    await w.refused(
      `verify session-chain n_chain.json --expect-head 2:${OTHER}`,
      'chain_damaged',
      'verification_failed',
    );
    const { error } = await w.refused(
      'verify session-chain first.json',
      'chain_damaged',
      'verification_failed',
    );
    assert.match(String(error), /checkpoint 2 lies beside it; it ends at checkpoint 1/);
  });
});

describe('F8: what is wrong with a file is a finding about it', () => {
  const FILES: Readonly<Record<string, string | Buffer>> = {
    'a key twice': '{"trace_id":"a","trace_id":"a"}',
    'no JSON': '{',
    'a list': '[]',
    nothing: '',
    'a byte-order mark': '\ufeff{}',
    'no UTF-8': Buffer.from([0x7b, 0xff, 0x7d]),
    'another schema': '{"schema_id":"gait.pack.manifest"}',
    'too deep': `${'['.repeat(5000)}${']'.repeat(5000)}`,
    'too large': Buffer.alloc(65 * 1024 * 1024, 0x20),
  };
  for (const [what, bytes] of Object.entries(FILES))
    test(what, async (t) => {
      const w = await workspace(t);
      await w.ok('keys init --prefix k --out-dir keys');
      await writeFile(w.path('x.json'), bytes);
      await writeFile(w.path('p.yaml'), 'default_verdict: block');
      const context = { identity: 'a', workspace: '/w', risk_class: 'low' };
      await writeFile(w.path('c.json'), JSON.stringify({ tool_name: 't', args: {}, targets: [], context }));
      const key = '--public-key keys/k_public.key';
      for (const line of [
        ...[
          `trace verify x.json ${key}`,
          `verify chain --trace x.json ${key}`,
          'verify session-chain x.json',
        ],
        ...[
          `approve verify --token x.json --policy p.yaml --intent c.json ${key}`,
          `delegate verify --token x.json ${key}`,
        ],
        ...['pack verify x.json', 'verify ./x.json'],
      ])
        assert.equal((await w.gait(line)).exit, 2, line);
    });
});

test('a watch finds each head that a log lacks or has otherwise, and no other', () => {
  const hashes = fc.constantFrom('a', 'b', 'c');
  const known = fc.array(
    fc.record({ revision: fc.integer({ min: 1, max: 12 }), hash: hashes, by: fc.constant('x') }),
  );
  fc.assert(
    fc.property(fc.array(hashes, { maxLength: 8 }), known, (log, heads) => {
      const watch = new HeadWatch(heads);
      for (const [index, hash] of log.entries()) watch.see({ revision: index + 1, hash });
      const found = watch.findings(log.length).map(({ code, revision }) => `${code} ${revision}`);
      const due = heads.flatMap(({ revision, hash }) => {
        if (revision > log.length) return [`head_missing ${revision}`];
        return log[revision - 1] === hash ? [] : [`head_differs ${revision}`];
      });
      assert.deepEqual(found.sort(), due.sort());
    }),
  );
});
