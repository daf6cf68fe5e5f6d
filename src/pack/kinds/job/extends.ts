import type { Found } from '../../../core/report.ts';
import type { JobHistory } from '../../../job/read/history.ts';
import { EVENTS_MEMBER } from './members.ts';

/**
 * Whether a later pack of a job only added to an earlier one: the record that was the earlier head stands where it
 * stood, and the chain vouches for all before it. Pure. Both histories are of verified packs.
 */
export function extensionFindings(later: JobHistory, earlier: JobHistory): Found[] {
  const member = EVENTS_MEMBER;
  if (later.job.job_id !== earlier.job.job_id) {
    const facts = { expected: earlier.job.job_id, actual: later.job.job_id };
    return [{ code: 'other_job', message: `the earlier pack is of the job ${earlier.job.job_id}`, ...facts }];
  }
  const { revision, hash } = earlier.position;
  const record = later.records[revision - 1];
  if (record === undefined) {
    const message = `the earlier pack has ${revision} events, this one only ${later.records.length}`;
    return [{ code: 'events_missing', message, member, revision: later.records.length }];
  }
  if (record.hash === hash) return [];
  const first = later.records.findIndex((event, index) => event.hash !== earlier.records[index]?.hash);
  const message = `event ${first + 1} is another than in the earlier pack`;
  return [{ code: 'events_rewritten', message, member, revision: first + 1 }];
}
