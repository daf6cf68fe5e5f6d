import type { JobCommand } from '../../src/job/command.ts';
import type { JobEventOf } from '../../src/job/events.ts';
import type { Job } from '../../src/job/state.ts';
import type { SigningKey } from '../../src/signing/keys.ts';
import { decideAt, HOME, MINUTE } from './given.ts';
import { numberedKey } from './keys.ts';

export const ANN: SigningKey = numberedKey(11);
export const BOB: SigningKey = numberedKey(12);
export const CY: SigningKey = numberedKey(13);
/** No approver of any job. */
export const MALLORY: SigningKey = numberedKey(14);

export const HOUR: number = 60 * MINUTE;
/** The hash of a head that no log has: only a fold of a log compares it. */
export const SOME_HASH: string = 'ab'.repeat(32);

/** Two of Ann, Bob and Cy have to sign, unless told otherwise. */
export function submitFor(required = 2, approvers: readonly SigningKey[] = [ANN, BOB, CY]): JobCommand {
  const keys = approvers.map(({ publicKey }) => publicKey);
  return { kind: 'submit', claim: HOME, producerVersion: '0.1.0', approvers: { keys, required } };
}

/** A signed approval behind so many events. */
export function sign(key: SigningKey, revision: number, expiresMs: number = HOUR, id?: string): JobCommand {
  const signing = { key, expiresMs, head: { revision, hash: SOME_HASH } };
  return { kind: 'approve', signing, ...(id === undefined ? {} : { checkpointId: id }) };
}

/** The event that a command makes of a job. */
export function approvalBy(job: Job, command: JobCommand): JobEventOf<'approved'> {
  return decideAt(job, command).events[0] as unknown as JobEventOf<'approved'>;
}
