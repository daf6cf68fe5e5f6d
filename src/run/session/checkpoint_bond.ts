import type { RunDocument, RunIntent, RunManifest, TimelineItem } from '../documents.ts';
import type { RecordVisitor } from '../records.ts';
import type { SessionCheckpoint, SessionHeader } from './session.ts';

/** Of which session a checkpoint is: entries of its run's timeline, which its manifest, and so its signature, covers. */
const OF_SESSION = 'session_checkpoint_of';
const FOLLOWS = 'session_checkpoint_follows';

/** The entries that bind a checkpoint to its session, to when that began, and to the checkpoint before it. */
export function bondEntries(header: SessionHeader, previous: SessionCheckpoint | undefined): TimelineItem[] {
  const own = { event: OF_SESSION, ts: header.created_at, ref: header.session_id };
  if (previous === undefined) return [own];
  return [own, { event: FOLLOWS, ts: previous.created_at, ref: previous.checkpoint_digest }];
}

/** What the runpack of a checkpoint says of its place, all of it under the runpack's signature. */
export interface Bond {
  readonly run: RunDocument;
  readonly signed: boolean;
  readonly events: EventPlaces;
}

/** What the intents of a checkpoint say of their place, in their order, and nothing kept of them but the first fault. */
export class EventPlaces {
  readonly #claimed: Pick<SessionCheckpoint, 'session_id' | 'sequence_start'>;
  /** How many there are. */
  count = 0;
  /** None says anything: checkpoints of version 1.4.0, which signs none, do not. */
  silent = true;
  fault: string | undefined;

  constructor(claimed: Pick<SessionCheckpoint, 'session_id' | 'sequence_start'>) {
    this.#claimed = claimed;
  }

  readonly visit: RecordVisitor = {
    intent: ({ args }: RunIntent): void => {
      const [session, sequence] = [args?.['session_id'], args?.['sequence']];
      const { session_id, sequence_start } = this.#claimed;
      if (session !== undefined || sequence !== undefined) this.silent = false;
      this.fault ??=
        unlike('has an event of the session', session_id, session) ??
        unlike('has as its next event', sequence_start + this.count, sequence);
      this.count += 1;
    },
  };
}

export function isSigned(manifest: RunManifest | undefined): boolean {
  return (manifest?.signatures ?? []).length > 0;
}

/** Where a checkpoint claims to stand: what a chain says, and nobody signs. */
export interface ClaimedPlace {
  readonly session_id: string;
  readonly sessionCreatedAt: string;
  readonly checkpoint: SessionCheckpoint;
  /** A checkpoint before it has its bond in its timeline: no later one goes without. */
  readonly bound: boolean;
}

/** True for an entry that says where a checkpoint belongs, and nothing of what the run did. */
export function isBondEntry({ event }: TimelineItem): boolean {
  return event === OF_SESSION || event === FOLLOWS;
}

/** True if the timeline of a checkpoint's run says where it belongs, as gait writes it since it does so. */
export function isBound({ timeline }: RunDocument): boolean {
  return (timeline ?? []).some(isBondEntry);
}

/** What a chain says of a checkpoint and its runpack says otherwise. Empty for an honest one. Pure. */
export function bondFaults(bond: Bond, claimed: ClaimedPlace): string[] {
  const { run } = bond;
  const { checkpoint } = claimed;
  const faults = [
    unlike('was made at', checkpoint.created_at, run.created_at),
    unlike('was made by', checkpoint.producer_version, run.producer_version),
    eventsFault(bond, claimed),
    ...timelineFaults(run, claimed),
  ];
  return faults.filter((fault) => fault !== undefined);
}

function timelineFaults(run: RunDocument, claimed: ClaimedPlace): (string | undefined)[] {
  if (!isBound(run)) {
    return claimed.bound ? ['its runpack does not say what it follows, those before it do'] : [];
  }
  const { session_id, sessionCreatedAt, checkpoint } = claimed;
  const entries = run.timeline ?? [];
  const own = entries.filter(({ event }) => event === OF_SESSION);
  const follows = entries.filter(({ event }) => event === FOLLOWS);
  const [first, second] = [own, follows].map(([one]) => one);
  const before = checkpoint.prev_checkpoint_digest ?? 'nothing';
  return [
    own.length === 1 && follows.length < 2 ? undefined : 'its runpack says more than once where it belongs',
    unlike('is of the session', session_id, first?.['ref']),
    unlike('is of a session that began at', sessionCreatedAt, first?.ts),
    unlike('follows', before, second?.['ref'] ?? 'nothing'),
  ];
}

/** Of whichever version: the events are of the session, and the very ones that the checkpoint names, in their order. */
function eventsFault({ signed, events }: Bond, { checkpoint }: ClaimedPlace): string | undefined {
  const { sequence_start, sequence_end } = checkpoint;
  if (events.count !== sequence_end - sequence_start + 1) return undefined; // told of as their number
  if (!events.silent) return events.fault;
  return signed ? 'it is signed, and its runpack does not say of which session it is' : undefined;
}

function unlike(what: string, claimed: string | number, said: unknown): string | undefined {
  if (claimed === said) return undefined;
  const isScalar = said === undefined || typeof said === 'string' || typeof said === 'number';
  return `its runpack ${what} ${isScalar ? said : 'something else'}, not ${claimed}`;
}
