import type { EventStore } from '../log/store.ts';
import type { EnvironmentClaim } from './fingerprint.ts';
import type { Jobs } from './jobs.ts';

/** What a leased job stands on. */
export interface LeasePorts {
  readonly jobs: Jobs;
  readonly store: EventStore;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
  /** What the work runs in. By default this machine, by the rules that the job is bound to. */
  readonly environment?: EnvironmentClaim;
}
