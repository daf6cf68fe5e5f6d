import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { foldJournal } from '../../src/run/session/journal.ts';
import { sharedWorkspace } from '../support/cli.ts';
import { append, counts, J, START } from '../support/session_lines.ts';
import type { Output } from './output.ts';

describe('a session', () => {
  let answers: Readonly<Record<string, Output>> = {};
  const shared = sharedWorkspace(async (w) => {
    const digests = `--intent-digest ${'A'.repeat(64)} --policy-digest ${'b'.repeat(64)}`;
    const lists = "--reason-codes 'freeze, owner ,freeze,' --violations v2,v1";
    answers = {
      start: await w.ok(START),
      again: await w.ok(START),
      read: await w.ok(
        append('db.read', 'allow', '--intent-id i1 --trace-id t1 --trace-path traces/t1.json'),
      ),
      write: await w.ok(append('db.write', 'block', `${digests} ${lists}`)),
      first: await w.ok(`run session checkpoint ${J}`),
      mail: await w.ok(append('mail.send', 'require_approval')),
      second: await w.ok(`run session checkpoint ${J}`),
      verified: await w.ok('verify session-chain night_chain.json'),
      last: await w.ok(append('log', 'dry_run')),
    };
  });

  test('each command answers what it did', () => {
    const { start, again, read, write, first, second, verified, last } = answers;
    assert.deepEqual([start?.started, again?.started], [true, false]);
    assert.deepEqual(
      [start?.session_id, start?.run_id, start?.journal],
      ['night-1', 'run_night', 'night.jsonl'],
    );
    const { intent_id, trace_id, trace_path, verdict, sequence, tool_name } = read?.event ?? {};
    assert.deepEqual(
      [intent_id, trace_id, trace_path, verdict, sequence, tool_name],
      ['i1', 't1', 'traces/t1.json', 'allow', 1, 'db.read'],
    );
    const { intent_digest, policy_digest, reason_codes, violations } = write?.event ?? {};
    assert.deepEqual([intent_digest, policy_digest], ['a'.repeat(64), 'b'.repeat(64)]);
    assert.deepEqual(
      [reason_codes, violations],
      [
        ['freeze', 'owner'],
        ['v1', 'v2'],
      ],
    );
    assert.equal(last?.event?.sequence, 4);
    const spans = [first, second].map((output) => {
      const { checkpoint_index, sequence_start, sequence_end, runpack_path } = output?.checkpoint ?? {};
      return [checkpoint_index, sequence_start, sequence_end, runpack_path, output?.chain_path];
    });
    assert.deepEqual(spans, [
      [1, 1, 2, 'runpack_run_night_cp_0001.zip', 'night_chain.json'],
      [2, 3, 3, 'runpack_run_night_cp_0002.zip', 'night_chain.json'],
    ]);
    assert.equal(second?.checkpoint?.prev_checkpoint_digest, first?.checkpoint?.checkpoint_digest);
    const { checkpoints_checked, linkage_errors, checkpoint_errors, checkpoints } = verified ?? {};
    assert.deepEqual([checkpoints_checked, linkage_errors, checkpoint_errors], [2, [], []]);
    assert.deepEqual(
      checkpoints?.map((one) => one.signature_status),
      ['missing', 'missing'],
    );
  });

  test('its journal is lines of JSON that only its owner reads; its runpacks verify as any run', async () => {
    const w = shared();
    const bytes = await readFile(w.path('night.jsonl'));
    assert.equal(foldJournal(bytes, 'night.jsonl')?.lastSequence, 4);
    const types = String(bytes)
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line).record_type);
    assert.deepEqual(types, ['header', 'event', 'event', 'checkpoint', 'event', 'checkpoint', 'event']);
    for (const file of ['night.jsonl', 'night_chain.json', 'runpack_run_night_cp_0001.zip'])
      assert.equal((await stat(w.path(file))).mode & 0o777, 0o600, file);
    const { run_id } = await w.ok('verify runpack_run_night_cp_0002.zip');
    assert.equal(run_id, 'run_night_cp_0002');
    const { entries } = await w.ok('run inspect runpack_run_night_cp_0001.zip');
    assert.deepEqual(
      entries?.map(({ intent_id, tool_name, status, verdict, reason_codes }) => [
        intent_id,
        tool_name,
        status,
        verdict,
        reason_codes,
      ]),
      [
        ['i1', 'db.read', 'ok', 'allow', undefined],
        ['intent_2', 'db.write', 'error', 'block', ['freeze', 'owner']],
      ],
    );
  });

  test('in words: what it holds, every call with its verdict, and every checkpoint', async () => {
    const w = shared();
    const status = await w.text(`run session status ${J}`);
    assert.deepEqual(await counts(w), [4, 4, 2, 1]);
    for (const part of [
      /night-1 {2}run run_night/,
      /4 in the journal/,
      /2, over events 3 to 3/,
      /1 event since/,
    ])
      assert.match(status, part);
    const inspected = await w.text('run inspect night_chain.json');
    for (const part of [
      /checkpoint 1, events 1 to 2/,
      /db\.read {2}i1 {2}allow/,
      /db\.write {2}intent_2 {2}block freeze owner/,
      /mail\.send {2}intent_1 {2}require_approval/,
    ])
      assert.match(inspected, part);
    const verified = await w.text('verify session-chain night_chain.json');
    for (const part of [/session night-1, run run_night/, /checkpoint 2 .*cp_0002\.zip/])
      assert.match(verified, part);
  });

  test('start refuses other ids, and changes nothing', async () => {
    const before = await shared().everything();
    for (const ids of ['--session-id other --run-id run_night', '--session-id night-1 --run-id run_other'])
      await shared().refused(`run session start ${J} ${ids}`, 'session_differs', 'invalid_input');
    assert.deepEqual(await shared().everything(), before);
  });
});

describe('what is refused changes nothing', () => {
  const shared = sharedWorkspace(async (w) => {
    for (const line of [START, append('t'), `run session checkpoint ${J}`]) await w.ok(line);
    await mkdir(w.path('dir'));
    await mkdir(w.path('gait-out/jobs'), { recursive: true });
    await writeFile(w.path('notes.txt'), 'line one\nline two\n');
    await writeFile(w.path('one line.json'), '{"precious":true}');
    await writeFile(w.path('small.jsonl'), 'precious');
  });
  const none = '--journal none.jsonl';
  const start = (journal: string, ids = '--session-id s --run-id r') =>
    `run session start --journal ${journal} ${ids}`;
  const LINES: Readonly<Record<string, readonly [code: string, ...exits: number[]]>> = {
    [`run session append ${none} --tool t --verdict allow`]: ['journal_missing', 6],
    [`run session status ${none}`]: ['journal_missing', 6],
    [`run session checkpoint ${none}`]: ['journal_missing', 6],
    [`run session compact ${none}`]: ['journal_missing', 6],
    [`run session checkpoint ${J}`]: ['no_new_events', 6],
    [append('t', 'maybe')]: ['flag_value_invalid', 6],
    [append("'  '")]: ['', 6],
    [append('t', 'allow', '--intent-digest abc')]: ['event_invalid', 6],
    [`run session append ${J} --tool t`]: ['', 6],
    'run session status': ['', 6],
    'run session status --journal dir': ['path_unusable', 6],
    'run session status --journal notes.txt': ['journal_damaged', 2],
    [start('new.jsonl', "--session-id '' --run-id r")]: ['flag_value_invalid', 6],
    [start('new.jsonl', '--session-id s --run-id ../r')]: ['run_id_invalid', 6],
    [start('gait-out/jobs/new.jsonl')]: ['out_unsafe', 8],
    [start('dir')]: ['path_unusable', 6],
    [start('notes.txt')]: ['journal_damaged', 2],
    [start("'one line.json'")]: ['', 2, 6, 8],
    [`run session compact ${J} --out small.jsonl`]: ['out_unsafe', 8],
    [`run session compact ${J} --out gait-out/keys/small.jsonl`]: ['out_unsafe', 8],
    'verify session-chain none.json': ['file_not_found', 6],
    'verify session-chain night.jsonl': ['chain_damaged', 2],
    'verify session-chain': ['argument_missing', 6],
    'verify session-chain night_chain.json --chain night_chain.json': ['argument_unexpected', 6],
  };
  for (const [line, [code, ...exits]] of Object.entries(LINES)) {
    test(`${line}: ${code || `exit ${exits}`}`, async () => {
      const w = shared();
      const before = await w.everything();
      const result = await w.gait(`${line} --json`);
      const { error_code } = result.json();
      assert.ok(exits.includes(result.exit), result.stdout);
      if (code !== '') assert.equal(error_code, code);
      const after = await w.everything();
      for (const file of Object.keys(before)) assert.ok(after[file] === before[file], `${file} changed`);
      assert.deepEqual(Object.keys(after), Object.keys(before));
    });
  }
});
