import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { VERSION } from '../../src/core/version.ts';
import type { CapturedRun } from '../../src/run/documents.ts';
import { buildRunpack } from '../../src/run/runpack.ts';
import { checkpointRun, sessionCheckpointOf } from '../../src/run/session/checkpoint.ts';
import {
  checkpointDigestOf,
  compacted,
  decideAppend,
  decideStart,
  type EventFacts,
  evolveSession,
  type JournalLine,
  type SessionCheckpoint,
  type SessionEvent,
  type SessionHeader,
  type SessionIds,
  type SessionState,
} from '../../src/run/session/session.ts';
import type { SigningKey } from '../../src/signing/keys.ts';
import { corpusPath } from '../interop/corpus.ts';
import { zipFiles } from '../pack/forge.ts';

export const NOW = '2026-02-14T06:00:00Z';
export const IDS = { sessionId: 'night-1', runId: 'run_night' } as const;
const MACHINE = { arch: 'amd64', os: 'linux', runtime: 'node' };

const ENVELOPE = {
  schema_version: '1.0.0',
  created_at: NOW,
  producer_version: 'test-1',
  session_id: IDS.sessionId,
  run_id: IDS.runId,
} as const;

export type HeaderLine = Extract<JournalLine, { readonly record_type: 'header' }>;
export type EventLine = Extract<JournalLine, { readonly record_type: 'event' }>;
export type CheckpointLine = Extract<JournalLine, { readonly record_type: 'checkpoint' }>;

export function header(changes: Partial<SessionHeader> = {}): HeaderLine {
  const named = { schema_id: 'gait.runpack.session_journal', started_at: NOW, events: [] } as const;
  return { record_type: 'header', header: { ...ENVELOPE, ...named, ...changes } };
}

export function event(sequence: number, changes: Partial<SessionEvent> = {}): EventLine {
  const facts = { tool_name: `tool.${sequence}`, verdict: 'allow', sequence };
  const named = { schema_id: 'gait.runpack.session_event', ...facts };
  return { record_type: 'event', event: { ...ENVELOPE, ...named, ...changes } };
}

/** A checkpoint with the digest of what it says, unless the changes give it another. */
export function checkpoint(
  index: number,
  [start, end]: readonly [number, number],
  previous?: CheckpointLine,
  changes: Partial<SessionCheckpoint> = {},
): CheckpointLine {
  const prev = previous?.checkpoint.checkpoint_digest;
  const undigested = {
    ...ENVELOPE,
    schema_id: 'gait.runpack.session_checkpoint',
    checkpoint_index: index,
    sequence_start: start,
    sequence_end: end,
    runpack_path: `cp${index}.zip`,
    manifest_digest: String(index).repeat(64).slice(0, 64),
    ...(prev === undefined ? {} : { prev_checkpoint_digest: prev }),
    ...changes,
  };
  const sealed = { ...undigested, checkpoint_digest: checkpointDigestOf(undigested), ...changes };
  return { record_type: 'checkpoint', checkpoint: sealed };
}

/** The state that these lines make; fails if one of them cannot follow. */
export function stateAfter(...lines: readonly JournalLine[]): SessionState {
  const state = lines.reduce<SessionState | undefined>((before, line) => {
    const after = evolveSession(before, line);
    if (typeof after === 'string') return assert.fail(`${line.record_type}: ${after}`);
    return after;
  }, undefined);
  return state ?? assert.fail('no lines');
}

/** A session as the commands of gait make it, in memory: its lines, and the runpacks of its checkpoints by name. */
export class TestSession {
  lines: readonly JournalLine[];
  readonly runpacks: Map<string, Buffer> = new Map();
  readonly #now: string;

  constructor(ids: SessionIds = IDS, now: string = NOW) {
    this.#now = now;
    this.lines = decideStart(undefined, ids, VERSION, now);
  }

  get state(): SessionState {
    return stateAfter(...this.lines);
  }

  append(facts: EventFacts = { tool_name: 't', verdict: 'allow' }): SessionEvent {
    const decided = decideAppend(this.state, facts, VERSION, this.#now);
    this.lines = [...this.lines, { record_type: 'event', event: decided }];
    return decided;
  }

  /** `change`: what else the runpack says, as another version would have made it. */
  checkpoint(
    key?: SigningKey,
    change: (captured: CapturedRun) => CapturedRun = (captured) => captured,
  ): SessionCheckpoint {
    const { state } = this;
    const { manifest, members } = buildRunpack(
      change(checkpointRun(state, MACHINE, VERSION, this.#now)),
      key,
    );
    const path = `cp${state.checkpoints.length + 1}.zip`;
    const runpack = { manifestDigest: manifest.manifest_digest, path };
    const made = sessionCheckpointOf(state, runpack, VERSION, this.#now);
    this.runpacks.set(path, zipFiles(new Map(members.map(({ name, bytes }) => [name, bytes]))));
    this.lines = [...this.lines, { record_type: 'checkpoint', checkpoint: made }];
    return made;
  }

  compact(): void {
    this.lines = compacted(this.state);
  }
}

/** The files of a recorded case, to be written to: where the corpus lies they are not. */
export async function copyCase(name: string, to: string): Promise<void> {
  const from = corpusPath(join('cases', name));
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const copy = join(to, path.slice(from.length));
    await mkdir(dirname(copy), { recursive: true });
    await writeFile(copy, await readFile(path), { mode: 0o600 });
  }
}
