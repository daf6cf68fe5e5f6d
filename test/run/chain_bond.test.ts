import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sourceOf } from '../../src/files/source.ts';
import type { CapturedRun } from '../../src/run/documents.ts';
import { manifestDigestOf } from '../../src/run/runpack.ts';
import {
  chainOf,
  isSound,
  type OpenRunpack,
  type SessionChain,
  verifyChain,
} from '../../src/run/session/chain.ts';
import { checkpointDigestOf, type SessionCheckpoint } from '../../src/run/session/session.ts';
import { readContainer, readMember } from '../../src/zip/reader.ts';
import { type Files, jcs, sha256, zipFiles } from '../pack/forge.ts';
import { numberedKey, trusting } from '../support/keys.ts';
import fc from '../support/property.ts';
import { TestSession } from '../support/sessions.ts';

const ALICE = numberedKey(1);
const STRICT = { trust: trusting(ALICE), required: true };

/** A checkpoint whose runpack lies in the hands of whoever likes to. */
interface Held {
  readonly checkpoint: SessionCheckpoint;
  readonly zip: Buffer;
  readonly files: Files;
}

/** A session that was held, and what it left. */
interface Story {
  readonly chain: SessionChain;
  readonly held: readonly Held[];
}

type Change = (captured: CapturedRun) => CapturedRun;
const AS_IT_IS: Change = (captured) => captured;

/** As gait made checkpoints before it wrote into them what they follow. */
const OLDER: Change = ({ run, ...rest }) => {
  const timeline = (run.timeline ?? []).filter(({ event }) => !/_(of|follows)$/.test(event));
  return { ...rest, run: { ...run, timeline } };
};

/** As version 1.4.0 made them: their intents say nothing. */
const SILENT: Change = (captured) => {
  const intents = captured.intents.map(({ args: _, ...intent }) => intent);
  return { ...OLDER(captured), intents };
};

function story(
  sessionId: string,
  spans: readonly number[],
  { day, change = AS_IT_IS, key = ALICE }: { day: number; change?: Change; key?: typeof ALICE | null },
): Story {
  const session = new TestSession({ sessionId, runId: 'run_night' }, `2026-02-${day}T06:00:00Z`);
  for (const span of spans) {
    for (let i = 0; i < span; i += 1) session.append({ tool_name: `db.${day}`, verdict: 'allow' });
    session.checkpoint(key ?? undefined, change);
  }
  const chain = chainOf(session.state);
  const held = chain.checkpoints.map((checkpoint) => {
    const zip = session.runpacks.get(checkpoint.runpack_path) ?? assert.fail('no runpack');
    return { checkpoint, zip, files: membersNow(zip) };
  });
  return { chain, held };
}

function membersNow(zip: Buffer): Files {
  const container = readContainer(sourceOf(zip));
  return new Map(
    container.members.map((member) => {
      return [member.name, readMember(container, member, { keep: true }).bytes ?? Buffer.of()] as const;
    }),
  );
}

/** A chain over these runpacks, each where its place is. */
function verifying(chain: SessionChain, zips: readonly Buffer[]): ReturnType<typeof verifyChain> {
  const open: OpenRunpack = ({ runpack_path }) => {
    const zip = zips[Number(runpack_path)] ?? assert.fail(runpack_path);
    return { container: readContainer(sourceOf(zip)), close() {} };
  };
  return verifyChain(chain, open, STRICT);
}

/** Where runpacks lie is for whoever moves them to say, and who wrote the chain down is told by no verdict. */
function said({ producer_version: _, checkpoints, ...chain }: SessionChain, dated: boolean): unknown[] {
  const { created_at, ...undated } = chain;
  const places = checkpoints.map(({ runpack_path: _path, ...checkpoint }) => checkpoint);
  return [dated ? { created_at, ...undated } : undated, ...places];
}

/** The honest session of which this chain is the beginning. */
function honest(stories: readonly Story[], chain: SessionChain, dated: boolean): Story | undefined {
  const claimed = said(chain, dated);
  return stories.find((one) => jcs(said(one.chain, dated).slice(0, claimed.length)) === jcs(claimed));
}

/** What somebody without a key makes of what there is: which runpacks, in which order, and what the chain says of them. */
interface Forgery {
  readonly picks: readonly (readonly [story: number, checkpoint: number])[];
  readonly sessionId: string | null;
  readonly runId: string | null;
  readonly day: number | null;
  readonly producer: string | null;
  readonly renumbered: boolean;
  /** A picked runpack is written anew, to say what the chain says, under the signature that it has. */
  readonly rewritten: boolean;
}

function forged(stories: readonly Story[], forgery: Forgery): { chain: SessionChain; zips: Buffer[] } {
  const picked = forgery.picks.map(([s, c]) => {
    const one = stories[s % stories.length] ?? assert.fail();
    return { story: one, held: one.held[c % one.held.length] ?? assert.fail() };
  });
  const from = (picked[0] ?? assert.fail()).story.chain;
  const session_id = forgery.sessionId ?? from.session_id;
  const run_id = forgery.runId ?? from.run_id;
  const at = forgery.day === null ? undefined : `2026-02-${forgery.day}T06:00:00Z`;
  const zips: Buffer[] = [];
  const checkpoints: SessionCheckpoint[] = [];
  for (const [i, { held }] of picked.entries()) {
    const previous = checkpoints.at(-1);
    const { checkpoint_digest: _, prev_checkpoint_digest: _prev, ...own } = held.checkpoint;
    const length = own.sequence_end - own.sequence_start;
    const start = (previous?.sequence_end ?? 0) + 1;
    const place = forgery.renumbered
      ? { checkpoint_index: i + 1, sequence_start: start, sequence_end: start + length }
      : {};
    const claims = {
      ...{ ...own, ...place, session_id, run_id, runpack_path: String(i) },
      ...(at === undefined ? {} : { created_at: at }),
      ...(forgery.producer === null ? {} : { producer_version: forgery.producer }),
      ...(previous === undefined ? {} : { prev_checkpoint_digest: previous.checkpoint_digest }),
    };
    const files = forgery.rewritten ? rewritten(held.files, claims) : held.files;
    const manifest = JSON.parse(String(files.get('manifest.json')));
    const sealed = { ...claims, manifest_digest: String(manifest.manifest_digest) };
    checkpoints.push({ ...sealed, checkpoint_digest: checkpointDigestOf(sealed) });
    zips.push(forgery.rewritten ? zipFiles(files) : held.zip);
  }
  const created_at = at ?? from.created_at;
  return { chain: { ...from, session_id, run_id, created_at, checkpoints }, zips };
}

/** The runpack with the session and the sequences that are claimed, sealed again. */
function rewritten(files: Files, claims: Pick<SessionCheckpoint, 'session_id' | 'sequence_start'>): Files {
  const lines = String(files.get('intents.jsonl')).trimEnd().split('\n');
  const intents = lines.map((line, i) => {
    const intent = JSON.parse(line);
    const args = { ...intent.args, session_id: claims.session_id, sequence: claims.sequence_start + i };
    return `${jcs({ ...intent, args })}\n`;
  });
  const bytes = Buffer.from(intents.join(''));
  const { signatures, ...manifest } = JSON.parse(String(files.get('manifest.json')));
  const listed = manifest.files.map((file: { path: string }) => {
    return file.path === 'intents.jsonl' ? { ...file, sha256: sha256(bytes).toString('hex') } : file;
  });
  const unsealed = { ...manifest, files: listed };
  const sealed = { ...unsealed, manifest_digest: manifestDigestOf(unsealed), signatures };
  return new Map([...files, ['intents.jsonl', bytes], ['manifest.json', Buffer.from(jcs(sealed))]]);
}

const pick = fc.tuple(fc.nat(4), fc.nat(3));
/** Some of a session, in its order, and then one of another: what an honest chain is nearest to. */
const spliced = fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 3 }), fc.option(pick)).map(([s, n, more]) => {
  const own = Array.from({ length: n }, (_, i) => [s, i] as const);
  return more === null ? own : [...own, more];
});
const forgeries: fc.Arbitrary<Forgery> = fc.record({
  picks: fc.oneof(spliced, fc.array(pick, { minLength: 1, maxLength: 4 })),
  sessionId: fc.option(fc.constantFrom('first', 'second', 'approved-by-the-board'), { freq: 1 }),
  runId: fc.option(fc.constantFrom('run_night', 'run_other'), { freq: 1 }),
  day: fc.option(fc.integer({ min: 10, max: 14 }), { freq: 1 }),
  producer: fc.option(fc.constantFrom('0.0.0-dev', 'other'), { freq: 1 }),
  renumbered: fc.boolean(),
  rewritten: fc.oneof({ arbitrary: fc.constant(false), weight: 3 }, fc.constant(true)),
});

describe('H5: whoever has no key changes nothing that a verdict on a chain speaks of', () => {
  const spans: readonly (readonly number[])[] = [
    [2, 1, 2],
    [2, 1, 2],
    [1, 1],
    [5, 2],
    [2, 1, 2],
  ];
  const names = ['first', 'second', 'first', 'second', 'first'];
  const made = (change: Change, sessions = names): Story[] =>
    spans.map((span, i) => story(sessions[i] ?? '', span, { day: 10 + i, change }));

  for (const [name, change, sessions, dated] of [
    ['of these checkpoints, also of sessions of one name', AS_IT_IS, names, true],
    ['of earlier ones, of sessions of different names', OLDER, ['a', 'first', 'second', 'b', 'c'], false],
  ] as const) {
    const stories = made(change, [...sessions]);
    test(`${name}: each verifies as it is`, () => {
      for (const { chain, held } of stories) {
        const checkpoints = chain.checkpoints.map((one, i) => ({ ...one, runpack_path: String(i) }));
        const zips = held.map(({ zip }) => zip);
        assert.ok(isSound(verifying({ ...chain, checkpoints }, zips)));
      }
    });

    test(`${name}: what verifies is how one of them began`, () => {
      fc.assert(
        fc.property(forgeries, (forgery) => {
          const { chain, zips } = forged(stories, forgery);
          const sound = isSound(verifying(chain, zips));
          if (sound) assert.ok(honest(stories, chain, dated), 'a forged chain verifies');
          // And nothing honest is refused.
          else if (!forgery.rewritten) assert.ok(!honest(stories, chain, true), 'an honest chain does not');
        }),
        { numRuns: 500 },
      );
    });
  }
});

describe('a checkpoint that says less than gait now writes into it', () => {
  const chainOver = (one: Story, zips = one.held.map(({ zip }) => zip)) => {
    const checkpoints = one.chain.checkpoints.map((cp, i) => ({ ...cp, runpack_path: String(i) }));
    return [{ ...one.chain, checkpoints }, zips] as const;
  };

  test('verifies unsigned if it says nothing, as those of 1.4.0; signed it must say of which session it is', () => {
    const errors = (key: typeof ALICE | null): readonly string[] => {
      const [chain, zips] = chainOver(story('first', [1, 2], { day: 10, change: SILENT, key }));
      const open: OpenRunpack = ({ runpack_path }) => {
        return { container: readContainer(sourceOf(zips[Number(runpack_path)] ?? Buffer.of())), close() {} };
      };
      return verifyChain(chain, open).checkpoint_errors;
    };
    assert.deepEqual(errors(null), []);
    const why = 'it is signed, and its runpack does not say of which session it is';
    assert.deepEqual(errors(ALICE), [`checkpoint 1: ${why}`, `checkpoint 2: ${why}`]);
  });

  test('comes before those that say all, and not after one', () => {
    for (const [order, sound] of [
      [[OLDER, AS_IT_IS, AS_IT_IS], true],
      [[OLDER, OLDER, AS_IT_IS], true],
      [[AS_IT_IS, OLDER, AS_IT_IS], false],
      [[AS_IT_IS, AS_IT_IS, OLDER], false],
    ] as const) {
      let made = 0;
      const change: Change = (captured) => {
        const next = order[made] ?? AS_IT_IS;
        made += 1;
        return next(captured);
      };
      const verification = verifying(...chainOver(story('first', [1, 1, 1], { day: 10, change })));
      assert.equal(isSound(verification), sound, JSON.stringify(verification.checkpoint_errors));
    }
  });
});

test('H5: a manifest digest in another spelling, which would give the checkpoint another digest, is refused', () => {
  const one = story('first', [1, 1], { day: 10 });
  const [begin = assert.fail('none'), end = assert.fail('none')] = one.chain.checkpoints;
  const claims = { ...end, manifest_digest: end.manifest_digest.toUpperCase() };
  const checkpoints = [begin, { ...claims, checkpoint_digest: checkpointDigestOf(claims) }];
  const named = checkpoints.map((checkpoint, i) => ({ ...checkpoint, runpack_path: String(i) }));
  const zips = one.held.map(({ zip }) => zip);
  assert.ok(!isSound(verifying({ ...one.chain, checkpoints: named }, zips)));
});
