import type { JobTask, LeaseOutcome } from '../events.ts';
import type { WatchedLease } from '../lease/decide.ts';
import type { JobState } from '../state.ts';
import type { ClaimPorts, LeaseTerms } from './held_lease.ts';

/** How a process ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** It could not be started at all. */
  readonly error?: string;
  /** Its time was over, or nothing guarded it any more: that it was killed says nothing of what it did. */
  readonly killedBy?: 'guard';
}

/** A process that was started for a job, with all that it starts. */
export interface TaskProcess {
  readonly ended: Promise<Ended>;
  /** To the whole group. What has ended already takes no harm. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** The lease was renewed: the process may live for so many milliseconds, even if nobody tells it anything any more. */
  beat(ms: number): void;
}

/** What the runner needs of the world. */
export interface RunnerPorts extends ClaimPorts {
  /** Starts a process that dies with its starter, and after so many milliseconds without a beat. */
  start(task: JobTask, env: Readonly<Record<string, string>>, ms: number): TaskProcess;
  /** Resolves after so long, or when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface RunOptions extends LeaseTerms {
  readonly jobRoot: string;
  /** By default the one that was submitted with the job. */
  readonly task?: JobTask;
  /** What the worker saw of the lease before. */
  readonly watched?: WatchedLease | undefined;
  /** Between SIGTERM and SIGKILL. Milliseconds, as all times here. */
  readonly killAfterMs: number;
  /** How often the job's log is looked at. */
  readonly pollMs: number;
  /** Exit 0 completes the job, any other blocks it. */
  readonly complete: boolean;
  /** Aborted: start nothing more, and give back what was not started. */
  readonly drain?: AbortSignal;
  /** Aborted: end the process and give the work back. */
  readonly interrupt?: AbortSignal;
  readonly onStart?: (token: number) => void;
  /** The command has to wait for the end of an earlier lease, at most for so long. */
  readonly onWait?: (ms: number) => void;
}

/** How a run ended. `unrecorded`: the command ended, and the log could not be told before the lease was over. */
export interface RunResult {
  readonly token: number;
  readonly outcome: LeaseOutcome | 'lost' | 'unrecorded';
  readonly ended: Ended;
  /** Why it did not simply finish. */
  readonly why?: string;
  /** Somebody gave its lease back, with its worker's name and token: whoever runs the job again at once may never be done. */
  readonly givenBack?: true;
  /** The command ended while these decisions were open. */
  readonly waitsFor?: readonly string[];
  /** The job as it was left; undefined when that could not be told any more. */
  readonly job?: JobState;
}
