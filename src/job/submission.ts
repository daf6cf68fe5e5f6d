import { canonicalDigest } from '../core/digest.ts';
import { GaitError } from '../core/errors.ts';
import type { EventStore } from '../log/store.ts';
import type { Executed } from '../log/stream.ts';
import type { SubmitCommand } from './command.ts';
import { submittedPayload } from './decide.ts';
import type { EventPayloads, JobEvent } from './events.ts';
import type { Author, Jobs } from './jobs.ts';
import { eventOf } from './read/history.ts';
import { jobExists } from './refusals.ts';
import type { JobState } from './state.ts';

export interface Submitted extends Executed<JobState> {
  /** False where the job was there already, with the same content. */
  readonly created: boolean;
}

/**
 * Submits a job. If the id is taken, `job_exists` says by what: who submitted it, when, and the digest of its content.
 * With `ifAbsent` a job of the same content is the answer: what is submitted twice, after an answer was lost, is there once.
 */
export async function submitJob(
  jobs: Jobs,
  store: EventStore,
  jobId: string,
  author: Author,
  order: SubmitCommand,
  ifAbsent: boolean,
): Promise<Submitted> {
  try {
    return { ...(await jobs.execute(jobId, author, order)), created: true };
  } catch (error) {
    if (!(error instanceof GaitError) || error.code !== 'job_exists') throw error;
    const there = await submissionOf(store, jobId);
    if (there === undefined) throw error;
    const digest = submissionDigest(there.payload as EventPayloads['submitted']);
    const same = digest === submissionDigest(submittedPayload(order, author));
    const loaded = await jobs.load(jobId);
    if (same && ifAbsent) return { ...loaded, created: false };
    const { actor, created_at } = there;
    throw jobExists(loaded.state, { submission_digest: digest, same, submitted_by: actor, created_at });
  }
}

/** SHA-256 of what a job was submitted with, whoever did it, when and why: command, budget, approvers, environment. */
function submissionDigest(payload: EventPayloads['submitted']): string {
  const { producer_version: _, reason: __, ...content } = payload;
  return canonicalDigest(content);
}

async function submissionOf(store: EventStore, jobId: string): Promise<JobEvent | undefined> {
  for await (const [first] of store.read(jobId)) return first === undefined ? undefined : eventOf(first);
  return undefined;
}
