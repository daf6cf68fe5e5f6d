import type { Workspace } from './cli.ts';

export const J: string = '--journal night.jsonl';
export const START: string = `run session start ${J} --session-id night-1 --run-id run_night`;

/** The line that appends an event. */
export function append(tool: string, verdict = 'allow', more = ''): string {
  return `run session append ${J} --tool ${tool} --verdict ${verdict} ${more}`;
}

/** The counts of a session: events in the journal, last sequence, checkpoints, pending. */
export async function counts(w: Workspace, journal = 'night.jsonl'): Promise<(number | undefined)[]> {
  const { status } = await w.ok(['run', 'session', 'status', '--journal', journal]);
  return [status?.event_count, status?.last_sequence, status?.checkpoint_count, status?.pending_count];
}
