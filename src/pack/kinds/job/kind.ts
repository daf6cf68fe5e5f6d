import { memberSource } from '../../../zip/reader.ts';
import { comparableDocument } from '../../comparable.ts';
import type { PayloadKind } from '../kind.ts';
import { comparableEvents } from './compare.ts';
import { inspectJobPack } from './inspect.ts';
import { inspectOlderJobPack } from './inspect_older.ts';
import { EVENTS_MEMBER, LEDGER_MEMBER, PAYLOAD_MEMBER, STATE_MEMBER } from './members.ts';
import { verifyJobPayload } from './verify.ts';

const DOCUMENTS: readonly string[] = [LEDGER_MEMBER, PAYLOAD_MEMBER, STATE_MEMBER];

/** How many events there are, renewals included, counts for nothing. */
const COUNTS: Readonly<Record<string, readonly string[]>> = {
  [LEDGER_MEMBER]: ['size'],
  [STATE_MEMBER]: ['revision'],
};

export const JOB_KIND: PayloadKind = {
  type: 'job',
  documents: DOCUMENTS,
  large: [EVENTS_MEMBER],
  checks: ['event_chain', 'event_fold'],
  verify({ manifest, container, members, policy: { trust, known, keep, extending } }, report) {
    const events = memberSource(container, EVENTS_MEMBER);
    const kept = keep !== false || extending !== undefined;
    const source = { manifest, members, events, trust, known, keep: kept };
    const { approvals, ...verified } = verifyJobPayload(source, report);
    return approvals === undefined ? verified : { ...verified, told: { approval_signatures: approvals } };
  },
  inspect({ manifest, history, documents }) {
    if (manifest === undefined) return undefined;
    return history === undefined
      ? inspectOlderJobPack(manifest, documents)
      : inspectJobPack(manifest, history);
  },
  compare({ name, bytes }) {
    if (bytes === undefined) return undefined;
    if (name === EVENTS_MEMBER) return { events: comparableEvents(bytes) };
    return DOCUMENTS.includes(name) ? { document: comparableDocument(bytes, COUNTS[name]) } : undefined;
  },
};
