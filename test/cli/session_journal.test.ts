import assert from 'node:assert/strict';
import { appendFile, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { journalBytes } from '../../src/run/session/journal.ts';
import { type Line, type Workspace, workspace } from '../support/cli.ts';
import { append, counts, J, START } from '../support/session_lines.ts';
import { event, header } from '../support/sessions.ts';

describe('a journal with bytes that nobody acknowledged', () => {
  test('is read without them, and the next append cuts them off', async (t) => {
    const w = await workspace(t);
    for (const line of [START, append('one')]) await w.ok(line);
    const whole = await readFile(w.path('night.jsonl'));
    for (const tail of ['{"record_type":"event","eve', '\u0000\u0000\u0000', '{']) {
      await writeFile(w.path('night.jsonl'), Buffer.concat([whole, Buffer.from(tail)]));
      assert.deepEqual(await counts(w), [1, 1, 0, 1]);
      assert.equal((await stat(w.path('night.jsonl'))).size, whole.length + tail.length);
      assert.equal((await w.ok(append('two'))).event?.sequence, 2);
      assert.deepEqual(await counts(w), [2, 2, 0, 2]);
    }
  });

  test('of which a whole line is none is damaged: refused with its place, and not written to', async (t) => {
    const w = await workspace(t);
    for (const line of [START, append('one')]) await w.ok(line);
    const { size } = await stat(w.path('night.jsonl'));
    await appendFile(w.path('night.jsonl'), 'no record\n');
    const before = await w.everything();
    const lines = [
      `run session status ${J}`,
      append('two'),
      `run session checkpoint ${J}`,
      `run session compact ${J}`,
      START,
    ];
    for (const line of lines) {
      const { details } = await w.refused(line, 'journal_damaged', 'verification_failed');
      assert.deepEqual(details, { path: 'night.jsonl', line: 3, offset: size });
    }
    await w.unchanged(before);
  });

  test('of more than a MiB goes on as any other', async (t) => {
    const w = await workspace(t);
    const events = Array.from({ length: 3000 }, (_, i) => event(i + 1, { trace_path: 'x'.repeat(200) }));
    await writeFile(w.path('night.jsonl'), journalBytes([header(), ...events]));
    assert.deepEqual(await counts(w), [3000, 3000, 0, 3000]);
    assert.equal((await w.ok(append('more'))).event?.sequence, 3001);
    await w.ok(`run session checkpoint ${J}`);
    await w.ok(`run session compact ${J}`);
    assert.deepEqual(await counts(w), [0, 3001, 1, 0]);
    await w.ok('verify session-chain night_chain.json');
  });
});

describe('compaction', () => {
  async function started(w: Workspace): Promise<void> {
    const lines: readonly Line[] = [
      START,
      append('one'),
      append('two'),
      `run session checkpoint ${J}`,
      append('three'),
    ];
    for (const line of lines) await w.ok(line);
  }

  test('takes out what a checkpoint covers; sequences, checkpoints and the chain go on', async (t) => {
    const w = await workspace(t);
    await started(w);
    const whole = await readFile(w.path('night.jsonl'));
    const { compaction } = await w.ok(`run session compact ${J}`);
    const { size } = await stat(w.path('night.jsonl'));
    assert.deepEqual(
      [compaction?.events_before, compaction?.events_after, compaction?.checkpoints],
      [3, 1, 1],
    );
    assert.deepEqual(
      [compaction?.bytes_before, compaction?.bytes_after, compaction?.compacted],
      [whole.length, size, true],
    );
    assert.deepEqual(await counts(w), [1, 3, 1, 1]);
    await w.ok(`run session checkpoint ${J}`);
    await w.ok(`run session compact ${J}`);
    assert.equal((await w.ok(append('four'))).event?.sequence, 4);
    await w.ok(`run session checkpoint ${J}`);
    await w.ok('verify session-chain night_chain.json');
    const { entries } = await w.ok('run inspect night_chain.json');
    assert.deepEqual(
      entries?.map(({ index, tool_name }) => [index, tool_name]),
      [
        [1, 'one'],
        [2, 'two'],
        [3, 'three'],
        [4, 'four'],
      ],
    );
  });

  test('into another file leaves the journal; a dry run writes nothing', async (t) => {
    const w = await workspace(t);
    await started(w);
    const before = await w.everything();
    const dry = await w.ok(`run session compact ${J} --dry-run`);
    await w.unchanged(before);
    assert.match(
      await w.text(`run session compact ${J} --dry-run`),
      /2 events would be taken out, 1 event kept/,
    );
    const { compaction } = await w.ok(`run session compact ${J} --out small.jsonl`);
    assert.deepEqual(
      [dry.compaction?.compacted, dry.compaction?.dry_run, compaction?.compacted],
      [true, true, true],
    );
    assert.equal(dry.compaction?.bytes_after, (await stat(w.path('small.jsonl'))).size);
    assert.ok((await readFile(w.path('night.jsonl'), 'latin1')) === before[w.path('night.jsonl')]);
    assert.deepEqual(
      [await counts(w, 'small.jsonl'), await counts(w)],
      [
        [1, 3, 1, 1],
        [3, 3, 1, 1],
      ],
    );
  });

  test('of a journal behind a link: who knows it by its own name sees the same session', async (t) => {
    const w = await workspace(t);
    await started(w);
    await mkdir(w.path('by'));
    await symlink('../night.jsonl', w.path('by/link.jsonl'));
    await w.gait('run session compact --journal by/link.jsonl --json');
    await w.ok(append('four'));
    await w.ok('run session append --journal by/link.jsonl --tool five --verdict allow');
    assert.deepEqual((await counts(w)).slice(1), [5, 1, 3]);
    assert.deepEqual(await counts(w, 'by/link.jsonl'), await counts(w));
  });
});
