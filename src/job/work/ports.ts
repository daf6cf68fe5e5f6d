import type { EventStore } from '../../log/store.ts';
import type { Jobs } from '../jobs.ts';
import type { ClaimPorts } from './held_lease.ts';
import type { Timers } from './timers.ts';

/** What a leased job stands on. */
export interface LeasePorts extends ClaimPorts {
  readonly jobs: Jobs;
  readonly store: EventStore;
  /** By default those of Node. */
  readonly timers?: Timers;
}
