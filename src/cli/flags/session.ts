import { invalidInput } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { realPlace } from '../../host/workspace/output_places.ts';
import { Journal } from '../../run/session/journal.ts';
import type { SessionState } from '../../run/session/session.ts';
import type { RequiredText } from '../command.ts';
import { printable } from '../terminal.ts';
import { count } from '../text/job.ts';

export const SESSION_OUTPUT = 'gait.run.session.output';

export const journalFlag: RequiredText = {
  type: 'string',
  value: 'FILE',
  required: true,
  summary: 'Journal file of the session.',
};

export function openJournal(path: string): Journal {
  if (path === '') throw invalidInput('flag_value_invalid', '--journal is empty', 'Name a file.');
  return new Journal(path, realPlace(path));
}

/** A session's state, as members of an output. */
export function statusFields({
  header,
  eventCount,
  lastSequence,
  checkpoints,
  pending,
}: SessionState): JsonObject {
  const { session_id, run_id, created_at, started_at } = header;
  return {
    ...{ session_id, run_id, created_at, started_at },
    event_count: eventCount,
    last_sequence: lastSequence,
    checkpoint_count: checkpoints.length,
    pending_count: pending.length,
  };
}

export function statusLines(journal: string, state: SessionState): string[] {
  const { header, eventCount, lastSequence, checkpoints, pending } = state;
  const last = checkpoints.at(-1);
  return [
    `${printable(header.session_id)}  run ${printable(header.run_id)}, started ${header.started_at}`,
    `  journal     ${printable(journal)}`,
    `  events      ${eventCount} in the journal, the last is ${lastSequence}`,
    `  checkpoint  ${last === undefined ? 'none yet' : `${last.checkpoint_index}, over events ${last.sequence_start} to ${last.sequence_end}, ${printable(last.runpack_path)}`}`,
    `  pending     ${count(pending.length, 'event')} since`,
  ];
}
