import type { FsPort } from '../../src/files/port.ts';
import { decide } from '../../src/job/decide.ts';
import { jobModel } from '../../src/job/model.ts';
import type { Job } from '../../src/job/state.ts';
import type { StreamModel } from '../../src/log/fold.ts';
import type { EventStore } from '../../src/log/store.ts';

/** What is simulated: gait itself, unless a test puts something broken in a place. */
export interface Subject {
  readonly decide: typeof decide;
  readonly model: StreamModel<Job>;
  /** Between a store and its disk. */
  disk(fs: FsPort): FsPort;
  /** Between a process and its store. */
  store(store: EventStore): EventStore;
}

export const GAIT: Subject = { decide, model: jobModel, disk: (fs) => fs, store: (store) => store };
