import type { JobCommand } from '../../../src/job/command.ts';
import { decide } from '../../../src/job/decide.ts';
import type { JobRules } from '../../../src/job/jobs.ts';
import { jobModel } from '../../../src/job/model.ts';
import type { JobRow } from '../../../src/job/read/row.ts';
import { repair } from '../../../src/job/repair/repair.ts';
import type { JobState } from '../../../src/job/state.ts';
import type { Ended, RunResult } from '../../../src/job/work/run_ports.ts';
import type { Listed } from '../../../src/log/stores/listing.ts';
import type { Executed } from '../../../src/log/stream.ts';
import type { Host } from './host.ts';

/** What is simulated: gait itself, unless a test puts something broken in a place. */
export interface RunSubject {
  readonly rules: JobRules;
  readonly repair: typeof repair;
  /** The monotonic clock of a process. */
  monotonic(host: Host, now: number): number;
  /** How the runner hears of an end. */
  ended(ended: Ended): Ended;
  /** What a run is told to have come to. */
  result(result: RunResult): RunResult;
  load(host: Host, jobId: string, load: () => Promise<Executed<JobState>>): Promise<Executed<JobState>>;
  execute(
    command: JobCommand,
    execute: (command: JobCommand) => Promise<Executed<JobState>>,
  ): Promise<Executed<JobState>>;
  rows(
    host: Host,
    rows: AsyncGenerator<readonly Listed<JobRow>[]>,
  ): AsyncGenerator<readonly Listed<JobRow>[]>;
}

export const GAIT_RUNS: RunSubject = {
  rules: { decide, model: jobModel },
  repair,
  monotonic: (_host, now) => now,
  ended: (ended) => ended,
  result: (result) => result,
  load: (_host, _jobId, load) => load(),
  execute: (command, execute) => execute(command),
  rows: (_host, rows) => rows,
};
