import { join } from 'node:path';
import { invalidInput } from '../../core/errors.ts';
import { Jobs } from '../../job/jobs.ts';
import { jobModel } from '../../job/model.ts';
import type { FileStore } from '../../log/stores/file_store.ts';
import { openStore } from '../../log/stores/open_store.ts';
import type { Env, Host } from '../host.ts';

/** Where everything goes unless told otherwise: GAIT_OUT_DIR, else ./gait-out. */
export function outDir(env: Env): string {
  return given(env['GAIT_OUT_DIR']) ?? 'gait-out';
}

/** Where the jobs are: the flag, else GAIT_JOB_ROOT, else `jobs` in {@link outDir}. */
export function jobRoot(flag: string | undefined, env: Env): string {
  if (flag === '')
    throw invalidInput('flag_value_invalid', 'the root of the jobs is empty', 'Give a directory.');
  return flag ?? given(env['GAIT_JOB_ROOT']) ?? join(outDir(env), 'jobs');
}

export interface OpenJobs {
  readonly store: FileStore;
  readonly jobs: Jobs;
}

export function openJobs(root: string | undefined, host: Host): OpenJobs {
  const store = host.held.keep(openStore(jobRoot(root, host.env), jobModel.idField));
  return { store, jobs: new Jobs(store, host.clock) };
}

function given(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}
