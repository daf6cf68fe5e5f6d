import type { StreamModel } from '../log/fold.ts';
import { asksForSignatures, assertSignedBehind } from './approval/evolve.ts';
import { evolveStored } from './evolve.ts';
import { type Job, jobFromSnapshot, jobToSnapshot } from './state.ts';

/** A job's log as a stream: how its events make its state. */
export const jobModel: StreamModel<Job> = {
  idField: 'job_id',
  initial: undefined,
  evolve: evolveStored,
  assertPredecessor: assertSignedBehind,
  tellsOfCut: ({ type }) => type === 'repaired',
  requiresFullReplay: asksForSignatures,
  snapshot: { save: jobToSnapshot, load: jobFromSnapshot },
};
