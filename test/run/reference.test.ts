import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import type { Recorded } from '../../src/run/record.ts';
import { reduceRun } from '../../src/run/reduce.ts';
import { redactedLocator } from '../../src/run/reference.ts';
import { zipFiles } from '../pack/forge.ts';
import { jsonValue } from '../support/json.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';
import { digestOf } from '../support/run_inputs.ts';
import { codesIn, MACHINE, RECEIPT, recorded, runPackFiles, runpackFiles } from '../support/runs.ts';

const SECRET = 'hunter2hunter2';

function captured(env: JsonObject, receipt: JsonObject, more: JsonObject = {}, mode = 'reference'): Recorded {
  const receipts = [{ ...RECEIPT, ...receipt }];
  return recorded({ run: { run_id: 'r', env }, refs: { receipts, ...more }, capture_mode: mode });
}

/** Where a secret stands that opens a source. */
const locators = fc
  .tuple(
    fc.constantFrom('https', 'postgres', 'jdbc:mysql', 's3', 'HTTP', ''),
    fc.constantFrom(
      '',
      SECRET,
      `u:${SECRET}`,
      `u:1#${SECRET}`,
      `u:a?${SECRET}`,
      `u:${SECRET}/b`,
      `${SECRET}@x`,
      `u:${SECRET}:x`,
      `:${SECRET}`,
    ),
    fc.constantFrom('h.test', '[::1]:80', 'h'),
    fc.constantFrom('', '/p', '/a/b.md', '/', '/date=1'),
    fc.constantFrom(
      '',
      `?k=${SECRET}`,
      `#${SECRET}`,
      `?a/b@c=${SECRET}#x`,
      `;password=${SECRET}`,
      `&k=${SECRET}`,
      `%3Fk=${SECRET}`,
      `\nk: ${SECRET}`,
      `;x=1?${SECRET}`,
    ),
  )
  .map(([scheme, user, host, path, rest]) => {
    return `${scheme === '' ? '' : `${scheme}:`}//${user === '' ? '' : `${user}@`}${host}${path}${rest}`;
  });

describe('L4: reference capture keeps digests, and what names a source', () => {
  test('of run.env all but os, arch and runtime is digested', () => {
    const value = fc.oneof(fc.constant(SECRET), fc.constant({ token: [SECRET] }), jsonValue());
    const environments = fc
      .tuple(
        fc.dictionary(fc.constantFrom('API_KEY', 'OS', 'n'), value),
        fc.dictionary(
          fc.constantFrom('arch', 'runtime'),
          fc.constantFrom(SECRET, `go${SECRET}`, `${SECRET} amd64`),
        ),
      )
      .map((both): JsonObject => Object.assign({}, ...both));
    fc.assert(
      fc.property(environments, (env) => {
        const { run, warnings } = captured({ ...env, os: 'plan9' }, {});
        const said = Object.entries(env).filter(([, one]) => one !== '' && one !== null);
        const digested = said.map(([name, one]) => [name, `sha256:${digestOf(one)}`]);
        assert.deepEqual(run.env, { ...MACHINE, ...Object.fromEntries(digested), os: 'plan9' });
        assert.deepEqual((run.timeline ?? []).length, said.length > 0 ? 1 : 0);
        assert.equal(warnings.filter((one) => one.includes('run.env')).length, said.length > 0 ? 1 : 0);
        assert.ok(!JSON.stringify([run, warnings]).includes(SECRET));
      }),
      { numRuns: 300 },
    );
  });

  test('of a receipt stays no parameter, no user, no query and no fragment', () => {
    const params = fc.option(fc.constantFrom<JsonObject>({ token: SECRET }, { a: { b: SECRET } }), {
      nil: {},
    });
    fc.assert(
      fc.property(locators, params, (source_locator, retrieval_params) => {
        const made = captured({}, { source_locator, retrieval_params });
        assert.ok(!JSON.stringify([made.refs, made.warnings]).includes(SECRET), source_locator);
        const [kept] = made.refs.receipts ?? [];
        const digest =
          Object.keys(retrieval_params).length > 0 ? { sha256: digestOf(retrieval_params) } : undefined;
        assert.deepEqual(kept?.retrieval_params, digest);
        assert.equal(redactedLocator(kept?.source_locator ?? ''), kept?.source_locator, 'once is enough');
        const changed = source_locator !== kept?.source_locator || digest !== undefined;
        assert.equal(made.warnings.length, changed ? 1 : 0);
      }),
      { numRuns: 1000 },
    );
  });

  const LOCATORS: readonly (readonly [locator: string, kept: string])[] = [
    ['https://docs.example.test/a', 'https://docs.example.test/a'],
    ['https://bob:pw@docs.example.test:8443/a?b#c', 'https://docs.example.test:8443/a'],
    ['jdbc:sqlserver://h:1;user=sa;password=x', 'jdbc:sqlserver://h:1'],
    ['notes.md', 'notes.md'],
    ['/srv/data/a@b.csv', '/srv/data/a@b.csv'],
    ['C:\\data\\a.csv', 'C:\\data\\a.csv'],
    ['git@github.com:org/repo', 'git@github.com:org/repo'],
    ['bob:pw@host/x', 'host/x'],
    ['jdbc:oracle:thin:scott/tiger@//db:1521/x', '//db:1521/x'],
    ['/api/x?token=1', '/api/x'],
    ['\\\\bob:pw@host\\share', '\\\\host\\share'],
    ['/data/date=1/a.csv', '/data/date=1/a.csv'],
    ['s3://bucket/date=1/a.csv?X-Sig=1', 's3://bucket/date=1/a.csv'],
    ...['host=h password=p', 'data:text/plain;base64,aGk', 'Server=h;Password=p', 'SELECT a\nFROM b'].map(
      (one) => [one, `sha256:${digestOf(one)}`] as const,
    ),
    ['mongodb://u:p@h1:1,h2:2/x?y', 'mongodb://h1:1,h2:2/x'],
    ['file://C:/a', 'file://C:/a'],
    ['?token=1', `sha256:${digestOf('?token=1')}`],
    [`sha256:${'a'.repeat(64)}`, `sha256:${'a'.repeat(64)}`],
  ];
  for (const [locator, kept] of LOCATORS) {
    test(`${locator} is kept as ${kept.slice(0, 40)}`, () => assert.equal(redactedLocator(locator), kept));
  }

  test('raw capture keeps all of it, and warns as ever', () => {
    const source_locator = `https://u:${SECRET}@h/?${SECRET}`;
    const retrieval_params = { a: SECRET };
    const { run, refs, warnings } = captured(
      { KEY: SECRET },
      { source_locator, retrieval_params },
      {},
      'raw',
    );
    assert.equal(run.env['KEY'], SECRET);
    assert.deepEqual(refs.receipts?.[0]?.source_locator, source_locator);
    assert.deepEqual(refs.receipts?.[0]?.retrieval_params, retrieval_params);
    assert.deepEqual(warnings.length, 1);
  });

  test('receipts that a digest is over stay what it is of, which is said, and pack', () => {
    const receipt = { source_locator: 'https://h/?q', retrieval_params: { k: 1 }, immutability: 'unknown' };
    const plain = captured({}, receipt, {}, 'raw').refs.receipts ?? [];
    const covered = captured({}, receipt, { context_set_digest: digestOf(plain) });
    assert.deepEqual(covered.refs.receipts, plain);
    assert.match(covered.warnings.join(), /receipts: 1 whole/);
    assert.match(String(covered.run.timeline?.at(-1)?.['ref']), /^receipts: 1 whole/);
    const input = { run: { run_id: 'r' }, refs: { receipts: plain, context_set_digest: digestOf(plain) } };
    assert.throws(() => recorded(input as unknown as JsonObject, { strict: true }), gaitError('context_raw'));
    assert.doesNotThrow(() => recorded(input as unknown as JsonObject, { strict: true, rawContext: true }));
    for (const made of [covered, captured({ A: 'b' }, receipt)]) {
      assert.deepEqual(codesIn(zipFiles(runpackFiles(made))), []);
      assert.deepEqual(codesIn(zipFiles(runPackFiles(made))), []);
    }
  });

  test('what is recorded once more is the same, and a reduced run says how it was captured', () => {
    const input = {
      run: { run_id: 'r', env: { KEY: SECRET } },
      intents: [{ intent_id: 'i', tool_name: 't', args: { a: SECRET } }],
      refs: { receipts: [{ ...RECEIPT, source_locator: `https://h/?${SECRET}` }] },
    };
    const { captureMode, warnings: _, ...once } = recorded(input);
    const again = recorded(once as unknown as JsonObject);
    assert.deepEqual([again.run, again.refs, again.intents], [once.run, once.refs, once.intents]);
    assert.deepEqual(
      once.run.timeline?.map(({ event }) => event),
      ['reference_capture', 'reference_capture'],
    );
    const { captured: reduced } = reduceRun({ captureMode, ...once }, 'missing_result');
    assert.equal(reduced.run.timeline?.length, 2);
    assert.ok(!JSON.stringify([...runpackFiles(recorded(input))].map(String)).includes(SECRET));
  });

  test('tool names and statuses stay', () => {
    const { intents, results } = recorded({
      run: { run_id: 'r' },
      intents: [{ intent_id: 'i', tool_name: 'db.read', args: {} }],
      results: [{ intent_id: 'i', status: 'denied', result: {} }],
    });
    assert.deepEqual([intents[0]?.tool_name, results[0]?.status], ['db.read', 'denied']);
  });
});
