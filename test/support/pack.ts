import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualClock } from '../../src/core/clock.ts';
import { GaitError } from '../../src/core/errors.ts';
import type { JobCommand } from '../../src/job/command.ts';
import { type Author, Jobs } from '../../src/job/jobs.ts';
import { type JobHistory, readHistory } from '../../src/job/read/history.ts';
import type { EventStore } from '../../src/log/store.ts';
import { MemoryStore } from '../../src/log/stores/memory_store.ts';
import { buildJobPack } from '../../src/pack/kinds/job/build.ts';
import type { PackVerification, VerifiedPack } from '../../src/pack/verified.ts';
import { verifyPack } from '../../src/pack/verify.ts';
import validateOutput from '../../src/schema/generated/pack_output.js';
import { schemaFault } from '../../src/schema/validator.ts';
import { type Container, openContainer } from '../../src/zip/reader.ts';
import { zipOf } from '../../src/zip/writer.ts';
import { AWAY, approve, ask, checkpoint, JOB_ID, resume, submit } from './given.ts';

/** A command, who gives it, and whether it is refused. */
export interface Step extends Partial<Author> {
  readonly command: JobCommand;
  /** The code that it is refused with; `any` when the test does not care whether it is. */
  readonly refused?: string;
}

export const STARTED: number = Date.UTC(2026, 1, 14);
export const PRODUCER = 'test-1';

/** A job with a plan, a decision, its approval, a resume that is refused and one that is not, to its end. */
export const STORY: readonly Step[] = [
  { command: submit(), reason: 'nightly rollup' },
  { command: checkpoint('plan', 'three steps') },
  { command: ask('approve the deploy'), actor: 'agent' },
  { command: approve(), actor: 'bob', reason: 'the numbers are right' },
  { command: resume(AWAY), actor: 'carol', refused: 'environment_mismatch' },
  { command: resume(), actor: 'carol', reason: 'back at home' },
  { command: checkpoint('progress', 'deployed žluťoučký \u{1f40e}') },
  { command: checkpoint('completed', 'all done') },
];

/** The history of a job that these commands made, a minute and a tenth of a second apart. */
export async function historyOf(
  steps: readonly Step[],
  { jobId = JOB_ID, store = new MemoryStore() }: { jobId?: string; store?: EventStore } = {},
): Promise<JobHistory> {
  const clock = manualClock(STARTED);
  const jobs = new Jobs(store, clock);
  for (const { command, refused, actor = 'alice', reason } of steps) {
    const author = { actor, ...(reason === undefined ? {} : { reason }) };
    const code = await refusalOf(jobs.execute(jobId, author, command));
    if (refused !== 'any') assert.equal(code, refused, `${command.kind} was refused with ${code}`);
    clock.advance(60_100);
  }
  return readHistory(store, jobId);
}

async function refusalOf(execution: Promise<unknown>): Promise<string | undefined> {
  try {
    await execution;
    return undefined;
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    assert.notEqual(error.category, 'internal_failure', error.message);
    return error.code;
  }
}

export async function packBytes(history: JobHistory, producerVersion: string = PRODUCER): Promise<Buffer> {
  return zipOf(buildJobPack(history, producerVersion).members);
}

/** What `use` makes of these bytes when they lie in a file. */
export async function withContainer<T>(bytes: Buffer, use: (container: Container) => T): Promise<T> {
  const file = temporaryFile(bytes);
  try {
    const container = await openContainer(file.path);
    try {
      return use(container);
    } finally {
      container.close();
    }
  } finally {
    file.dispose();
  }
}

export function temporaryFile(bytes: Buffer): { readonly path: string; dispose(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'gait-pack-'));
  const path = join(dir, 'pack.zip');
  writeFileSync(path, bytes);
  return { path, dispose: () => rmSync(dir, { recursive: true }) };
}

export function verifyBytes(bytes: Buffer): Promise<VerifiedPack> {
  return withContainer(bytes, verifyPack);
}

/** The codes of what is found in these bytes; each finding is checked to be one that the contract allows. */
export async function codesOf(bytes: Buffer): Promise<string[]> {
  const { verification } = await verifyBytes(bytes);
  assertConforms('verify', verification);
  return verification.findings.map(({ code }) => code);
}

/** How each check ended. */
export function statusesOf({ checks }: PackVerification): Record<string, string> {
  return Object.fromEntries(checks.map(({ check, status }) => [check, status]));
}

/** Fails unless schemas/v1/pack/output.schema.json allows this under `operation`. */
export function assertConforms(operation: 'verify' | 'inspect', value: unknown): void {
  const envelope = { schema_id: 'gait.pack.output', schema_version: '1.0.0', ok: true, operation };
  const output: unknown = JSON.parse(JSON.stringify({ ...envelope, [operation]: value }));
  assert.equal(schemaFault(validateOutput, output), undefined);
}
