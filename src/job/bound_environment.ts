import { GaitError } from '../core/errors.ts';
import type { Executed } from '../log/stream.ts';
import type { JobCommand } from './command.ts';
import type { Observe } from './environment.ts';
import { differences, type EnvironmentClaim } from './fingerprint.ts';
import type { Author, Jobs } from './jobs.ts';
import { boundEnvironment, type JobState } from './state.ts';

const MAX_ATTEMPTS = 5;

/**
 * Gives a command that claims an environment: what the job is bound to is looked at here and now, by the job's own rules.
 * Every claim, run, take-over and resume goes through here. Throws the refusal.
 */
export async function executeInEnvironment(
  jobs: Jobs,
  jobId: string,
  author: Author,
  observe: Observe,
  command: (claim: EnvironmentClaim) => JobCommand,
): Promise<Executed<JobState>> {
  for (let attempt = 1; ; attempt += 1) {
    const rules = rulesOf((await jobs.load(jobId)).state);
    const order = command(await observe(rules));
    try {
      return await jobs.execute(jobId, author, order);
    } catch (error) {
      // A person may have bound it to another environment meanwhile: then it is looked at by those rules.
      if (!(error instanceof GaitError) || error.code !== 'environment_mismatch') throw error;
      const now = rulesOf((await jobs.load(jobId)).state);
      if (attempt === MAX_ATTEMPTS || now?.join('\n') === rules?.join('\n')) throw error;
    }
  }
}

function rulesOf({ environment }: JobState): readonly string[] | undefined {
  return environment?.rules;
}

/** Whether it still is what the job is bound to. */
export async function isBoundHere(job: JobState, observe: Observe): Promise<boolean> {
  return differences(boundEnvironment(job), await observe(rulesOf(job))).length === 0;
}
