import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { sha256Hex } from '../../src/core/digest.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { sharedWorkspace } from '../support/cli.ts';
import {
  CALL,
  documentAt,
  enteredIn,
  evalOf,
  expose,
  gateWorkspace,
  prepareGate,
  putApproval,
  putIntent,
  recordsOf,
} from '../support/gate_cli.ts';
import { BOB } from '../support/tokens.ts';

const PROD = '--profile oss-prod --private-key gate_private.key';

describe('gate eval', () => {
  const shared = sharedWorkspace(prepareGate);

  const EXITS: readonly [line: string, exit: number, verdict: string][] = [
    ['allow.yaml', 0, 'allow'],
    ['allow.yaml --require-allow', 0, 'allow'],
    ['block.yaml', 3, 'block'],
    ['ask.yaml', 4, 'require_approval'],
    ['dry.yaml', 0, 'dry_run'],
    ['dry.yaml --require-allow', 3, 'dry_run'],
    [`dry.yaml ${PROD}`, 3, 'dry_run'],
    ['block.yaml --simulate', 0, 'block'],
    ['allow.yaml --simulate', 0, 'dry_run'],
  ];
  for (const [line, exit, verdict] of EXITS) {
    test(`W-44: ${line}: ${verdict}, exit ${exit}`, async () => {
      const [policy = '', ...more] = line.split(' ');
      const answered = await evalOf(shared(), policy, more.join(' '));
      assert.deepEqual([answered.exit, answered.answer.verdict], [exit, verdict]);
      assert.equal(answered.answer.ok, exit === 0);
    });
  }

  const REFUSED: readonly [line: string, code: string][] = [
    ['bad.yaml', 'policy_invalid'],
    ['none.yaml', 'file_not_found'],
    ['allow.yaml --intent none.json', 'file_not_found'],
    ['ask.yaml --approval-token none.json', 'file_not_found'],
    ['ask.yaml --approval-token allow.yaml', 'json_malformed'],
    ['ask.yaml --approval-public-key allow.yaml', 'key_malformed'],
    [`allow.yaml ${PROD}`, 'profile_incomplete'],
    [`ask.yaml ${PROD}`, 'profile_incomplete'],
    ['block.yaml --profile oss-prod', 'profile_incomplete'],
    [`block.yaml ${PROD} --simulate`, 'profile_incomplete'],
    [`block.yaml ${PROD} --approval-private-key bob_private.key`, 'profile_incomplete'],
  ];
  for (const [line, code] of REFUSED) {
    test(`${line}: ${code}, exit 6, and no verdict`, async () => {
      const [policy = '', ...more] = line.split(' ');
      const { exit, answer } = await evalOf(shared(), policy, more.join(' '));
      assert.deepEqual([exit, answer.error_code, answer.verdict], [6, code, undefined]);
    });
  }

  test('W-39: a private key that others can read is refused under oss-prod', async (t) => {
    const w = await gateWorkspace(t);
    await expose(w, 'gate_private.key');
    const { exit, answer } = await evalOf(w, 'dry.yaml', PROD);
    assert.deepEqual([exit, answer.error_code], [8, 'private_key_exposed']);
  });

  test('W-40: the dev key is warned of, and stands in the trace', async () => {
    const w = shared();
    const { answer } = await evalOf(w, 'allow.yaml');
    assert.match(answer.warnings?.join() ?? '', /dev key/);
    const ext = (await documentAt(w, answer.trace_path ?? ''))['ext'] as JsonObject;
    assert.equal(ext['key_mode'], 'dev');
    const own = await evalOf(w, 'allow.yaml', '--private-key gate_private.key');
    assert.deepEqual(own.answer.warnings, []);
  });

  test('W-40: the mode of the key stands in the output', async () => {
    assert.equal((await evalOf(shared(), 'allow.yaml')).answer.key_mode, 'dev');
  });

  test('W-45: a token of more than 64 KiB is refused', async () => {
    const w = shared();
    await putIntent(w, 'big.json', { x: 'a'.repeat(65_536) });
    const { exit, answer } = await evalOf(w, 'ask.yaml', '--approval-token big.json');
    assert.deepEqual([exit, answer.error_code], [6, 'file_too_large']);
  });
});

describe('what a decision leaves', () => {
  test('W-27: every decision has records and a log entry of its own, and each trace verifies', async (t) => {
    const w = await gateWorkspace(t);
    for (let n = 0; n < 2; n += 1) await evalOf(w, 'ask.yaml', '--private-key gate_private.key');
    const names = await recordsOf(w);
    assert.deepEqual(
      names.map((name) => name.replace(/_[0-9a-f]{24}_[0-9a-f]{24}\.json$/, '')),
      ['approval_audit', 'approval_audit', 'trace', 'trace'],
    );
    const entries = await enteredIn(w, 'decisions');
    assert.equal(new Set(entries.map(({ payload }) => payload['event_id'])).size, 2);
    const trace = `gait-out/gate/records/${names[3]}`;
    const verified = await w.ok(`trace verify ${trace} --public-key gate_public.key`);
    assert.equal(verified.signature_status, 'verified');
    const audit = w.path('gait-out/gate/records', names[0] ?? '');
    const other = w.path('gait-out/gate/records', names[1] ?? '');
    await writeFile(audit, await readFile(other));
    await writeFile(other, '{}');
    await w.refused(
      `trace verify ${trace} --public-key gate_public.key`,
      'trace_invalid',
      'verification_failed',
    );
  });

  test('the attack on the evidence, 12: a folder in place of a record, or too much, is a finding', async (t) => {
    const w = await gateWorkspace(t);
    await evalOf(w, 'ask.yaml', '--private-key gate_private.key');
    const [audit = '', trace = ''] = (await recordsOf(w)).map((name) => `gait-out/gate/records/${name}`);
    const line = `trace verify ${trace} --public-key gate_public.key`;
    await w.ok(line);
    await writeFile(w.path(audit), Buffer.alloc(5_000_000));
    await w.refused(line, 'trace_invalid', 'verification_failed');
    await rm(w.path(audit));
    await w.ok(line);
    await mkdir(w.path(audit));
    await w.refused(line, 'trace_invalid', 'verification_failed');
  });

  test('the third attack on the evidence, 9: whatever is wrong with a trace is a finding', async (t) => {
    const w = await gateWorkspace(t);
    await evalOf(w, 'ask.yaml', '--private-key gate_private.key');
    const [, trace = ''] = await recordsOf(w);
    const document = JSON.parse(await readFile(w.path('gait-out/gate/records', trace), 'utf8')) as JsonObject;
    for (const path of ['a\0b', '..', '.', '', 'x'.repeat(300), 'sub/x.json', '\ud800']) {
      const ext = { ...(document['ext'] as JsonObject), evidence: [{ path, sha256: '0'.repeat(64) }] };
      await writeFile(w.path('edited.json'), JSON.stringify({ ...document, ext }));
      for (const line of [
        'trace verify edited.json',
        'verify chain --decisions gait-out/gate --trace edited.json',
      ])
        await w.refused(`${line} --public-key gate_public.key`, 'trace_invalid', 'verification_failed');
    }
    await rm(w.path('gait-out/gate/decisions'), { recursive: true });
    const line = 'verify chain --decisions gait-out/gate';
    const gone = await w.refused(line, 'decisions_damaged', 'verification_failed');
    assert.match(JSON.stringify(gone), /decisions_missing/);
  });

  test('is the owner’s alone', async (t) => {
    const w = await gateWorkspace(t);
    await w.gait('gate eval --policy allow.yaml --intent intent.json', { shell: 'umask 000' });
    const modeOf = async (path: string): Promise<number> => (await stat(w.path(path))).mode & 0o077;
    for (const name of await recordsOf(w))
      assert.equal(await modeOf(`gait-out/gate/records/${name}`), 0, name);
    for (const path of ['', '/records', '/decisions', '/decisions/log.ndjson']) {
      assert.equal(await modeOf(`gait-out/gate${path}`), 0, path);
    }
  });

  test('W-9: a call that cannot be read is in the log, and blocked', async (t) => {
    const w = await gateWorkspace(t);
    await writeFile(w.path('broken.json'), '{"tool_name":');
    const { exit, answer } = await evalOf(w, 'allow.yaml', '--intent broken.json');
    assert.deepEqual([exit, answer.error_code], [6, 'json_malformed']);
    const [entry, ...more] = await enteredIn(w, 'decisions');
    assert.deepEqual([entry?.type, entry?.payload['verdict'], more], ['refused', 'block', []]);
    assert.deepEqual(entry?.payload['reason_codes'], ['json_malformed']);
    assert.match(String(entry?.payload['request_sha256']), /^[0-9a-f]{64}$/);
  });

  test('W-9: a call that is too large is in the log', async (t) => {
    const w = await gateWorkspace(t);
    await putIntent(w, 'large.json', { ...CALL, args: { text: 'a'.repeat(1_048_577) } });
    assert.equal((await evalOf(w, 'allow.yaml', '--intent large.json')).exit, 6);
    assert.equal((await enteredIn(w, 'decisions')).length, 1);
  });

  test('--trace-out replaces a trace, and nothing else', async (t) => {
    const w = await gateWorkspace(t);
    await evalOf(w, 'block.yaml', '--trace-out trace.json');
    assert.equal((await evalOf(w, 'allow.yaml', '--trace-out trace.json')).exit, 0);
    assert.equal((await documentAt(w, 'trace.json'))['verdict'], 'allow');
    const before = await w.everything();
    for (const other of ['intent.json', 'allow.yaml', 'gate_private.key']) {
      const { exit, answer } = await evalOf(w, 'allow.yaml', `--trace-out ${other}`);
      assert.deepEqual([exit, answer.error_code], [8, 'out_unsafe'], other);
    }
    await w.unchanged(before);
  });

  test('W-30: no record is written over the record of another decision, nor into what the gate keeps', async (t) => {
    const w = await gateWorkspace(t);
    await evalOf(w, 'block.yaml');
    const [record = ''] = await recordsOf(w);
    await writeFile(w.path(record), await readFile(w.path('gait-out/gate/records', record)));
    const before = await w.everything();
    const inside = ['x.json', 'records/x.json', `records/${record}`, 'uses/log.ndjson', 'kill_switch.json'];
    for (const place of [record, ...inside.map((name) => `gait-out/gate/${name}`)]) {
      const { exit, answer } = await evalOf(w, 'allow.yaml', `--trace-out ${place}`);
      assert.deepEqual([exit, answer.error_code], [8, 'out_unsafe'], place);
    }
    assert.equal((await evalOf(w, 'allow.yaml', '--trace-out= --state-dir kept')).exit, 6);
    await w.unchanged(before);
  });

  test('W-30: a trace whose copy cannot be written is not left behind as an allow', async (t) => {
    const w = await gateWorkspace(t);
    await putApproval(w, 'ask.yaml');
    const shown = '--approval-token token.json --approval-public-key bob_public.key';
    const { exit } = await evalOf(w, 'ask.yaml', `${shown} --approval-audit-out x.json --trace-out x.json`);
    assert.equal(exit, 8);
    assert.equal((await evalOf(w, 'ask.yaml', shown)).exit, 0, 'the approval was given back');
    const traces = (await recordsOf(w)).filter((name) => name.startsWith('trace_'));
    const documents = traces.map((name) => documentAt(w, `gait-out/gate/records/${name}`));
    const allows = (await Promise.all(documents)).filter(({ verdict }) => verdict === 'allow');
    assert.equal(allows.length, 1, 'one approval, one allow');
  });
});

describe('secrets', () => {
  test('W-36: no secret of the environment is in any file, output or error', async (t) => {
    const w = await gateWorkspace(t);
    const canary = 'canary-9d41c7e2b85f';
    const env = { GAIT_BROKER_TOKEN_VAULT: canary, SIGNS: BOB.encoded };
    const broker = '--credential-broker env';
    const sealed = '--private-key-env SIGNS --approval-private-key-env SIGNS';
    const before = await w.everything();
    const printed: string[] = [];
    for (const line of [
      `gate eval --policy broker.yaml --intent intent.json ${broker} ${sealed} --json`,
      `gate eval --policy broker.yaml --intent intent.json ${broker} --approval-token-ref claimed`,
      'gate eval --policy broker.yaml --intent intent.json --private-key-env GAIT_BROKER_TOKEN_VAULT',
      `approve --intent intent.json --policy ask.yaml --scope * --ttl 1h --approver bob --reason-code r --private-key-env SIGNS`,
    ]) {
      const { stdout, stderr } = await w.gait(line.split(' '), { env });
      printed.push(stdout, stderr);
    }
    const written = Object.entries(await w.everything()).filter(([file]) => before[file] === undefined);
    assert.ok(written.length > 6, 'records, logs, a token and the dev key');
    const seed = Buffer.from(BOB.encoded, 'base64').subarray(0, 32);
    const secrets = [canary, BOB.encoded, seed.toString('hex'), seed.toString('base64').slice(0, 40)];
    const digest = sha256Hex(canary);
    for (const text of [...printed, ...written.map(([, bytes]) => bytes)]) {
      for (const secret of [...secrets, digest.slice(0, 16)]) assert.ok(!text.includes(secret), text);
    }
  });
});

describe('a state directory that cannot be used', () => {
  test('that may not be read ends in exit 1, and no allow', async (t) => {
    const w = await gateWorkspace(t);
    const superuser = process.getuid?.() === 0;
    await mkdir(w.path('state'), { mode: 0o700 });
    await chmod(w.dir, 0o755);
    if (!superuser) await chmod(w.path('state'), 0o000);
    const options = superuser ? { uid: 65_534 } : {};
    if (superuser && (await w.gait('--version', options)).exit !== 0)
      return t.skip('no other user can start it');
    await writeFile(w.path('own.key'), await readFile(w.path('gate_private.key')), { mode: 0o644 });
    const { exit, answer } = await evalOf(
      w,
      'allow.yaml',
      '--state-dir state --private-key own.key',
      options,
    );
    assert.deepEqual([exit, answer.error_code, answer.verdict], [1, 'access_denied', undefined]);
    await chmod(w.path('state'), 0o700);
  });

  const SPOILT: readonly [what: string, stream: string, exit: number][] = [
    ['a ledger that is damaged', 'uses', 2],
    ['a decision log that is damaged', 'decisions', 2],
  ];
  for (const [what, stream, exit] of SPOILT) {
    test(`W-21: ${what}: exit ${exit}, no allow, nothing written`, async (t) => {
      const w = await gateWorkspace(t);
      assert.equal((await evalOf(w, 'once.yaml')).exit, 0);
      const log = w.path('gait-out/gate', stream, 'log.ndjson');
      await writeFile(log, (await readFile(log, 'utf8')).replace('"revision":1', '"revision":7'));
      const before = await recordsOf(w);
      const answered = await evalOf(w, 'once.yaml');
      assert.deepEqual([answered.exit, answered.answer.error_code], [exit, 'log_damaged']);
      const traces = (names: string[]): string[] => names.filter((name) => name.startsWith('trace_'));
      assert.deepEqual(traces(await recordsOf(w)), traces(before));
    });
  }
});
