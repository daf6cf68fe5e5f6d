import { GaitError } from '../core/errors.ts';
import { environmentHere } from './environment.ts';
import type { LeasePorts } from './lease_ports.ts';

/**
 * Lets a job run again whose decisions were all answered. Others may be faster, or have come between: the caller looks at
 * the job afterwards. Throws `environment_mismatch`, which is recorded.
 */
export async function resumeAnswered(
  { jobs, environment }: LeasePorts,
  jobId: string,
  actor: string,
): Promise<void> {
  try {
    await jobs.execute(jobId, { actor }, (job) => ({
      kind: 'resume',
      claim: environment ?? environmentHere(job?.environment?.rules),
      allowEnvMismatch: false,
    }));
  } catch (error) {
    const betweens = ['transition_not_allowed', 'approval_required'];
    if (!(error instanceof GaitError) || !betweens.includes(error.code)) throw error;
  }
}
