/** The library as the guide uses it, for the compiler: nothing here is run. What must not compile says so. */
import {
  type Answer,
  type FollowedEvent,
  GaitError,
  type JobListing,
  type JobState,
  type JobWorkspace,
  type LeasedJob,
  MemoryStore,
  openWorkspace,
} from '../../src/index.ts';

export async function agent(): Promise<JobState> {
  const workspace: JobWorkspace = openWorkspace({ actor: 'mover', store: new MemoryStore() });
  await workspace.submit('move', { reason: 'move 3 tables', budget: { max_steps: 3 }, rules: ['hostname'] });
  const job: LeasedJob = await workspace.claim('move', { wait: true, ttlMs: 2000, graceMs: 500 });
  const done: readonly string[] = (await job.history()).checkpoints.map(({ summary }) => summary);
  await job.checkpoint(`${done.length} moved`);
  await job.checkpoint('then the rest', 'plan');
  const answer: Answer = await job.decision({ summary: 'another schema', requiredAction: 'move it?' });
  const signal: AbortSignal = job.signal;
  if (signal.aborted && signal.reason instanceof GaitError) return job.release('interrupted');
  return job.complete(`${answer.approvedBy}: ${answer.reason}`);
}

export async function watch(workspace: JobWorkspace, signal: AbortSignal): Promise<void> {
  for await (const { event, job } of workspace.follow('move', { signal, after: 12 })) {
    const status: JobState['status'] = job.status;
    if (event.type === 'approved') event.payload.checkpoint_id satisfies string;
    if (status === 'completed') return;
  }
  for await (const { jobId, job } of workspace.list()) {
    if (!(job instanceof GaitError))
      (await workspace.claim(jobId)).follow() satisfies AsyncIterable<FollowedEvent>;
  }
  workspace.list() satisfies AsyncIterable<JobListing>;
}

export async function mistakes(job: LeasedJob, workspace: JobWorkspace): Promise<void> {
  // @ts-expect-error a decision says what the person has to decide
  await job.decision({ summary: 'another schema' });
  // @ts-expect-error decisions, blocks and completions have calls of their own
  await job.checkpoint('done', 'completed');
  // @ts-expect-error no such outcome
  await job.release('success');
  // @ts-expect-error the token is the lease's
  job.token = 3;
  // @ts-expect-error times are milliseconds
  await workspace.claim('move', { ttlMs: '30s' });
}
