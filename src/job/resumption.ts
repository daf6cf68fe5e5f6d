import { GaitError } from '../core/errors.ts';
import { environmentHere } from './environment.ts';
import type { LeasePorts } from './lease_ports.ts';

/**
 * Lets a job run again whose decisions were all answered. Others may be faster, or have come between: the caller looks at
 * the job afterwards. False if a decision is open after all: a signed approval may have expired meanwhile. Throws
 * `environment_mismatch`, which is recorded.
 */
export async function resumeAnswered(
  { jobs, environment }: LeasePorts,
  jobId: string,
  actor: string,
): Promise<boolean> {
  try {
    await jobs.execute(jobId, { actor }, (job) => ({
      kind: 'resume',
      claim: environment ?? environmentHere(job?.environment?.rules),
      allowEnvMismatch: false,
    }));
    return true;
  } catch (error) {
    const betweens = ['transition_not_allowed', 'approval_required'];
    if (!(error instanceof GaitError) || !betweens.includes(error.code)) throw error;
    return error.code !== 'approval_required';
  }
}
