import { GaitError } from '../../core/errors.ts';
import { executeInEnvironment } from '../bound_environment.ts';
import type { LeasePorts } from './ports.ts';

/**
 * Lets a job run again whose decisions were all answered. It undoes no pause and no block: what it was decided on may have
 * been changed by a person meanwhile. Others may be faster too: the caller looks at the job afterwards. False if nothing
 * came of it. Throws `environment_mismatch`, which is recorded.
 */
export async function resumeAnswered(
  { jobs, observe }: LeasePorts,
  jobId: string,
  actor: string,
): Promise<boolean> {
  try {
    await executeInEnvironment(jobs, jobId, { actor }, observe, (claim) => {
      return { kind: 'resume', claim, allowEnvMismatch: false, automatic: true };
    });
    return true;
  } catch (error) {
    const betweens = ['transition_not_allowed', 'approval_required'];
    if (!(error instanceof GaitError) || !betweens.includes(error.code)) throw error;
    return false;
  }
}
