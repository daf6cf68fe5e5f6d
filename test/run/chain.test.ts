import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sourceOf } from '../../src/files/source.ts';
import {
  type ChainVerification,
  chainOf,
  chainText,
  checkpointNamed,
  isSound,
  type OpenRunpack,
  parseChain,
  type SessionChain,
  verifyChain,
} from '../../src/run/session/chain.ts';
import { checkpointDigestOf, type SessionCheckpoint } from '../../src/run/session/session.ts';
import { readContainer } from '../../src/zip/reader.ts';
import { numberedKey, trusting } from '../support/keys.ts';
import { gaitError } from '../support/refusals.ts';
import { IDS, TestSession } from '../support/sessions.ts';

const ALICE = numberedKey(1);

/** Three checkpoints, over two, one and one event; the last two are signed. */
function story(): TestSession {
  const session = new TestSession();
  session.append({ tool_name: 'db.read', verdict: 'allow' });
  session.append({ tool_name: 'db.write', verdict: 'block', reason_codes: ['freeze'] });
  session.checkpoint();
  for (const verdict of ['dry_run', 'require_approval']) {
    session.append({ tool_name: 'mail.send', verdict });
    session.checkpoint(ALICE);
  }
  return session;
}

interface Opened {
  open: OpenRunpack;
  /** How many runpacks are open. */
  count: number;
}

function opener({ runpacks }: TestSession): Opened {
  const opened: Opened = {
    count: 0,
    open: ({ runpack_path }) => {
      const bytes = runpacks.get(runpack_path);
      if (bytes === undefined) return 'there is no such file';
      opened.count += 1;
      const close = (): void => {
        opened.count -= 1;
      };
      return { container: readContainer(sourceOf(bytes)), close };
    },
  };
  return opened;
}

/** Verifies a chain of which this one thing was changed, and checks that whatever was opened is closed. */
function verified(
  change: (chain: SessionChain, session: TestSession) => SessionChain = (chain) => chain,
  policy: Parameters<typeof verifyChain>[2] = {},
): ChainVerification {
  const session = story();
  const chain = change(chainOf(session.state), session);
  const opened = opener(session);
  const verification = verifyChain(chain, opened.open, policy);
  assert.equal(opened.count, 0, 'a runpack was left open');
  assert.equal(verification.checkpoints_checked, chain.checkpoints.length);
  return verification;
}

/** The chain with one of its checkpoints changed; its digest is made to fit. */
function changed(at: number, changes: Partial<SessionCheckpoint>): (chain: SessionChain) => SessionChain {
  return (chain) => {
    const checkpoints = chain.checkpoints.map((one, i) => {
      if (i !== at) return one;
      const other = { ...one, ...changes };
      return { ...other, checkpoint_digest: changes.checkpoint_digest ?? checkpointDigestOf(other) };
    });
    return { ...chain, checkpoints };
  };
}

describe('a chain', () => {
  test('that is sound has no errors; with a key that is trusted its signed checkpoints are verified', () => {
    const unsigned = verified();
    assert.ok(isSound(unsigned));
    assert.deepEqual([unsigned.session_id, unsigned.run_id], [IDS.sessionId, IDS.runId]);
    const statuses = ({ checkpoints }: ChainVerification) => checkpoints.map((one) => one.signature_status);
    assert.deepEqual(statuses(unsigned), ['missing', 'skipped', 'skipped']);
    const trusted = verified((chain) => chain, { trust: trusting(ALICE) });
    assert.deepEqual([isSound(trusted), statuses(trusted)], [true, ['missing', 'verified', 'verified']]);
  });

  test('needs every checkpoint signed where signatures are required, and by a key that is trusted always', () => {
    const required = verified((chain) => chain, { trust: trusting(ALICE), required: true });
    assert.deepEqual(required.checkpoint_errors, ['checkpoint 1: it is not signed']);
    const { checkpoint_errors } = verified((chain) => chain, { trust: trusting(numberedKey(2)) });
    assert.deepEqual(
      checkpoint_errors.map((error) => error.slice(0, 23)),
      ['checkpoint 2: signature', 'checkpoint 3: signature'],
    );
  });

  const cut = (from: number, to: number) => (chain: SessionChain) => {
    return { ...chain, checkpoints: chain.checkpoints.slice(from, to) };
  };
  const swapped = (chain: SessionChain): SessionChain => {
    const [a, b, c] = chain.checkpoints as [SessionCheckpoint, SessionCheckpoint, SessionCheckpoint];
    return { ...chain, checkpoints: [a, c, b] };
  };
  const UNLINKED: Readonly<Record<string, readonly [(chain: SessionChain) => SessionChain, RegExp]>> = {
    'whose head is cut off': [cut(1, 3), /^it is checkpoint 2, where 1 is due/],
    'without its middle': [
      (chain) => ({ ...chain, checkpoints: chain.checkpoints.toSpliced(1, 1) }),
      /^it is checkpoint 3, where 2/,
    ],
    'in another order': [swapped, /^it is checkpoint 3, where 2/],
    'with a checkpoint twice': [
      (chain) => ({
        ...chain,
        checkpoints: chain.checkpoints.toSpliced(1, 0, ...chain.checkpoints.slice(0, 1)),
      }),
      /^it is checkpoint 1, where 2/,
    ],
    'with another index': [changed(1, { checkpoint_index: 5 }), /^it is checkpoint 5, where 2/],
    'with a gap between events': [
      changed(1, { sequence_start: 4, sequence_end: 4 }),
      /^checkpoint 2 starts at event 4, where 3/,
    ],
    'with events in two checkpoints': [
      changed(1, { sequence_start: 2 }),
      /^checkpoint 2 starts at event 2, where 3/,
    ],
    'with an empty span': [
      changed(1, { sequence_end: 2 }),
      /^checkpoint 2 ends at event 2, before its start/,
    ],
    'with another link': [
      changed(1, { prev_checkpoint_digest: 'b'.repeat(64) }),
      /^checkpoint 2 does not name/,
    ],
    'whose earlier checkpoint was re-made': [
      changed(0, { sequence_end: 1 }),
      /^checkpoint 2 starts at event 3/,
    ],
    'with a digest of its own choice': [
      changed(2, { checkpoint_digest: 'c'.repeat(64) }),
      /^checkpoint 3 does not have the digest/,
    ],
    'of which one checkpoint is of another session': [
      changed(1, { session_id: 'b' }),
      /^checkpoint 2 is of another session/,
    ],
    'under the name of another run': [
      (chain) => ({ ...chain, run_id: 'run_b' }),
      /^checkpoint 1 is of another session or run/,
    ],
  };
  for (const [name, [change, why]] of Object.entries(UNLINKED)) {
    test(`${name} does not verify`, () => {
      const verification = verified(change);
      assert.match(verification.linkage_errors[0] ?? '', why);
      assert.ok(!isSound(verification));
    });
  }

  test('does not verify with other runpacks, and every one of them is named', () => {
    const swap =
      (a: string, b: string) =>
      (chain: SessionChain, { runpacks }: TestSession) => {
        const [left, right] = [runpacks.get(a), runpacks.get(b)] as [Buffer, Buffer];
        runpacks.set(a, right).set(b, left);
        return chain;
      };
    const { checkpoint_errors, linkage_errors } = verified(swap('cp1.zip', 'cp3.zip'));
    assert.deepEqual(linkage_errors, []);
    for (const index of [1, 3]) {
      for (const why of [
        'its runpack has the manifest',
        'its runpack is of the run run_night_cp_000',
        'intents for',
      ]) {
        assert.ok(
          checkpoint_errors.some((error) => error.startsWith(`checkpoint ${index}: `) && error.includes(why)),
          `${index} ${why}`,
        );
      }
    }
  });

  test('does not verify while a runpack is missing, cut, or has any one bit turned', () => {
    const damage = (change: (bytes: Buffer) => Buffer | undefined): ChainVerification =>
      verified((chain, { runpacks }) => {
        const bytes = change(Buffer.from(runpacks.get('cp2.zip') ?? ''));
        runpacks.delete('cp2.zip');
        if (bytes !== undefined) runpacks.set('cp2.zip', bytes);
        return chain;
      });
    assert.deepEqual(damage(() => undefined).checkpoint_errors, ['checkpoint 2: there is no such file']);
    const { length = 0 } = story().runpacks.get('cp2.zip') ?? '';
    assert.ok(length > 1000);
    for (let at = 0; at < length; at += 31) {
      const turned = damage((bytes) =>
        Buffer.concat([bytes.subarray(0, at), Buffer.of((bytes[at] ?? 0) ^ 4), bytes.subarray(at + 1)]),
      );
      assert.match(turned.checkpoint_errors[0] ?? '', /^checkpoint 2: /, `byte ${at}`);
      assert.match(
        damage((bytes) => bytes.subarray(0, at)).checkpoint_errors[0] ?? '',
        /^checkpoint 2: /,
        `cut at ${at}`,
      );
    }
  });

  test('has a checkpoint by its index, and the latest', () => {
    const chain = chainOf(story().state);
    assert.deepEqual(
      ['1', '3', 'latest'].map((name) => checkpointNamed(chain, name).checkpoint_index),
      [1, 3, 3],
    );
    for (const name of ['0', '4', '01', '-1', 'first', '']) {
      assert.throws(
        () => checkpointNamed(chain, name),
        gaitError('checkpoint_unknown', 'invalid_input'),
        name,
      );
    }
  });

  test('is written for people, and read as it was; anything else is not a chain', () => {
    const chain = chainOf(story().state);
    const text = chainText(chain);
    assert.match(text, /^{\n {2}"schema_id": "gait\.runpack\.session_chain",\n(.|\n)*}\n$/);
    assert.deepEqual(parseChain(JSON.parse(text), 'x'), chain);
    const others = [
      null,
      [],
      {},
      { ...chain, checkpoints: [] },
      { ...chain, schema_version: '2.0.0' },
      { ...chain, x: 1 },
    ];
    for (const other of others)
      assert.throws(() => parseChain(other, 'x'), gaitError('not_a_chain', 'invalid_input'));
  });
});
