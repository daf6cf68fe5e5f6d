import assert from 'node:assert/strict';
import { GaitError } from '../../src/core/errors.ts';
import { sourceOf } from '../../src/files/source.ts';
import {
  chainOf,
  isSound,
  type OpenRunpack,
  parseChain,
  type SessionChain,
  verifyChain,
} from '../../src/run/session/chain.ts';
import { checkpointDigestOf, type SessionCheckpoint } from '../../src/run/session/session.ts';
import type { SignaturePolicy } from '../../src/signing/verify.ts';
import { readContainer, readMember } from '../../src/zip/reader.ts';
import { type Files, jcs } from '../pack/forge.ts';
import type { Prng } from '../simulate/prng.ts';
import { TestSession } from '../support/sessions.ts';
import { EXPECTED, type Kind, OWNER, type Told } from './kind.ts';
import { isMembers, mutated } from './mutate.ts';
import { forgedRunpack, toldOfRunpack } from './runpacks.ts';

interface Story {
  readonly chain: SessionChain;
  /** Of all stories, by name. */
  readonly runpacks: ReadonlyMap<string, Buffer>;
}

function story(name: string, day: number, spans: readonly number[]): Story {
  const session = new TestSession({ sessionId: name, runId: 'run_night' }, `2026-02-${day}T06:00:00Z`);
  for (const span of spans) {
    for (let i = 0; i < span; i += 1) session.append({ tool_name: `db.${day}`, verdict: 'allow' });
    session.checkpoint(OWNER);
  }
  const chain = chainOf(session.state);
  const path = (one: { readonly runpack_path: string }): string => `${day}/${one.runpack_path}`;
  const checkpoints = chain.checkpoints.map((one) => ({ ...one, runpack_path: path(one) }));
  const runpacks = [...session.runpacks].map(([name, zip]) => [path({ runpack_path: name }), zip] as const);
  return { chain: { ...chain, checkpoints }, runpacks: new Map(runpacks) };
}

/** What a verdict on a chain is about. runpack_v1.md names what is not covered: its producer, and where runpacks lie. */
function told(chain: SessionChain): string {
  const { producer_version: _, checkpoints, ...rest } = chain;
  return jcs({ ...rest, checkpoints: checkpoints.map(({ runpack_path: __, ...one }) => one) });
}

function toldOfChain(
  document: unknown,
  runpacks: ReadonlyMap<string, Buffer>,
  policy: SignaturePolicy,
): Told {
  const open: OpenRunpack = ({ runpack_path }) => {
    const zip = runpacks.get(runpack_path);
    return zip === undefined ? 'it is not there' : { container: readContainer(sourceOf(zip)), close() {} };
  };
  try {
    const chain = parseChain(document, 'chain');
    if (!isSound(verifyChain(chain, open, policy))) return undefined;
    const packs = chain.checkpoints.map(({ runpack_path }) =>
      toldOfRunpack(runpacks.get(runpack_path) ?? Buffer.of(), policy),
    );
    return jcs([told(chain), packs]);
  } catch (error) {
    assert.ok(error instanceof GaitError, String(error));
    return undefined;
  }
}

/** Checkpoints as a forger strings them together, each digest made anew. */
function restrung(p: Prng, own: SessionChain, other: SessionChain): SessionCheckpoint[] {
  const all = [...own.checkpoints, ...other.checkpoints] as [SessionCheckpoint];
  const count = p.below(4);
  const picked = p.chance(0.5)
    ? own.checkpoints.slice(0, count)
    : Array.from({ length: count }, () => p.pick(all));
  const made: SessionCheckpoint[] = [];
  const [renumber, rename] = [p.chance(0.5), p.chance(0.5)];
  for (const one of picked) {
    const before = made.at(-1);
    const { prev_checkpoint_digest: _, ...rest } = one;
    const start = (before?.sequence_end ?? 0) + 1;
    const place = {
      checkpoint_index: made.length + 1,
      sequence_start: start,
      sequence_end: start + one.sequence_end - one.sequence_start,
    };
    const prev = before === undefined ? {} : { prev_checkpoint_digest: before.checkpoint_digest };
    const names = rename ? { session_id: own.session_id, run_id: own.run_id } : {};
    const spelled = p.chance(0.1) ? { manifest_digest: one.manifest_digest.toUpperCase() } : {};
    const claims = { ...rest, ...(renumber ? place : {}), ...names, ...prev, ...spelled };
    made.push({ ...claims, checkpoint_digest: checkpointDigestOf(claims) });
  }
  return made;
}

/** The digests of a chain made anew, also of runpacks that are others now, as far as it still is one. */
function resealed(document: unknown, manifests: ReadonlyMap<string, string>): unknown {
  const { checkpoints } = (document ?? {}) as { checkpoints?: unknown };
  if (!Array.isArray(checkpoints)) return document;
  const renamed = new Map<unknown, string>();
  const sealed = (checkpoints as SessionCheckpoint[]).map((one) => {
    if (!isMembers(one)) return one;
    const manifest_digest = manifests.get(String(one['runpack_path'])) ?? one['manifest_digest'];
    const prev = renamed.get(one['prev_checkpoint_digest']);
    const linked = prev === undefined ? {} : { prev_checkpoint_digest: prev };
    const claims = { ...one, manifest_digest, ...linked } as unknown as SessionCheckpoint;
    const checkpoint_digest = checkpointDigestOf(claims);
    renamed.set(one['checkpoint_digest'], checkpoint_digest);
    return { ...claims, checkpoint_digest };
  });
  return { ...(document as object), checkpoints: sealed };
}

function manifestDigestIn(files: Files): string {
  const manifest: unknown = JSON.parse(String(files.get('manifest.json')));
  return isMembers(manifest) ? String(manifest['manifest_digest']) : '';
}

function filesIn(zip: Buffer): Files {
  const container = readContainer(sourceOf(zip));
  return new Map(
    container.members.map((member) => {
      return [member.name, readMember(container, member, { keep: true }).bytes ?? Buffer.of()] as const;
    }),
  );
}

export function chainKind(): Kind {
  const stories = [
    story('night', 10, [2, 1, 2]),
    story('night', 11, [2, 1, 2]),
    story('day', 12, [1, 1]),
  ] as [Story, Story, Story];
  const everything = new Map(stories.flatMap(({ runpacks }) => [...runpacks]));
  const honest = new Set(
    stories.flatMap(({ chain }) =>
      chain.checkpoints.map((_, i) => {
        const begun = { ...chain, checkpoints: chain.checkpoints.slice(0, i + 1) };
        return toldOfChain(begun, everything, EXPECTED) ?? assert.fail('an honest chain is refused');
      }),
    ),
  );
  const forge = (p: Prng): [unknown, ReadonlyMap<string, Buffer>] => {
    const [own, other] = [p.pick(stories), p.pick(stories)];
    const strung = p.chance(0.6)
      ? { ...own.chain, checkpoints: restrung(p, own.chain, other.chain) }
      : own.chain;
    const changed = p.chance(0.6) ? mutated(strung, other.chain, p) : strung;
    const runpacks = new Map(everything);
    const manifests = new Map<string, string>();
    const names = own.chain.checkpoints.map((one) => one.runpack_path) as unknown as [string];
    if (p.chance(0.5)) {
      const [name, donor] = [p.pick(names), p.pick(names)];
      const [files, from] = [name, donor].map((one) => filesIn(everything.get(one) ?? Buffer.of()));
      const zip = forgedRunpack(files ?? new Map(), from ?? new Map(), p);
      runpacks.set(name, zip);
      manifests.set(name, manifestDigestIn(filesIn(zip)));
    }
    return [p.chance(0.9) ? resealed(changed, manifests) : changed, runpacks];
  };
  return {
    name: 'chains of signed checkpoints',
    honest,
    forged: (p) => toldOfChain(...forge(p), EXPECTED),
    unasked: (p) => toldOfChain(...forge(p), {}),
  };
}
