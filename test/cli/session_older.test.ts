import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { skip } from '../interop/corpus.ts';
import { workspace } from '../support/cli.ts';
import { counts } from '../support/session_lines.ts';
import { copyCase } from '../support/sessions.ts';

describe('journals of the Go versions', { skip }, () => {
  const READ: Readonly<Record<string, readonly number[]>> = {
    'append-to-go-120': [4, 4, 1, 2],
    'append-to-go-140': [4, 4, 1, 2],
    'status-go-120': [5, 5, 3, 0],
    'status-go-140': [5, 5, 3, 0],
    'status-stale-cache': [5, 5, 3, 0],
    'status-no-state-cache': [5, 5, 3, 0],
    'journal-blank-lines': [4, 4, 1, 2],
    'journal-crlf': [4, 4, 1, 2],
    'journal-torn-tail': [3, 3, 1, 1],
    'lock-old': [2, 2, 0, 2],
    'lock-garbage': [2, 2, 0, 2],
  };
  const SEALED: ReadonlySet<string> = new Set([
    'append-to-go-120',
    'append-to-go-140',
    'status-go-140',
    'journal-torn-tail',
  ]);
  for (const [name, expected] of Object.entries(READ)) {
    test(`${name}: is read and appended to${SEALED.has(name) ? ', sealed, compacted and verified' : ''}`, async (t) => {
      const w = await workspace(t);
      await copyCase(`session/${name}`, w.dir);
      const journal = '--journal session.jsonl';
      assert.deepEqual(await counts(w, 'session.jsonl'), expected);
      const [, last = 0, checkpoints = 0] = expected;
      const { event: added } = await w.ok(`run session append ${journal} --tool t --verdict allow`);
      assert.equal(added?.sequence, last + 1);
      if (!SEALED.has(name)) return;
      await w.ok(`run session checkpoint ${journal}`);
      await w.ok(`run session compact ${journal}`);
      assert.deepEqual(await counts(w, 'session.jsonl'), [0, last + 1, checkpoints + 1, 0]);
      await w.ok(`run session append ${journal} --tool t --verdict block`);
      await w.ok(`run session checkpoint ${journal}`);
      const verified = await w.ok('verify session-chain session_chain.json');
      assert.equal(verified.checkpoints_checked, checkpoints + 2);
      const { entries } = await w.ok('run inspect session_chain.json');
      assert.equal(entries?.length, last + 2);
    });
  }

  for (const name of ['journal-no-header', 'journal-two-headers', 'journal-unknown-record']) {
    test(`${name}: is damaged, and left as it is`, async (t) => {
      const w = await workspace(t);
      await copyCase(`session/${name}`, w.dir);
      const before = await w.everything();
      for (const line of ['status', 'append --tool t --verdict allow', 'compact']) {
        await w.refused(
          `run session ${line} --journal session.jsonl`,
          'journal_damaged',
          'verification_failed',
        );
      }
      await w.unchanged(before);
    });
  }
});
