import { describe } from 'node:test';
import {
  type Document,
  EVENTS,
  type EventLine,
  eventsOf,
  readText,
  rechained,
  renumbered,
  withFile,
} from './forge.ts';
import { type Forgery, refuses } from './forgeries.ts';

type EventsChange = (events: EventLine[]) => readonly unknown[];

function events(name: string, finds: readonly string[], change: EventsChange): Forgery {
  return { name, finds, files: (files) => rechained(files, change(eventsOf(files))) };
}

function lines(name: string, finds: readonly string[], change: (text: string) => string | Buffer): Forgery {
  return { name, finds, files: (files) => withFile(files, EVENTS, change(readText(files, EVENTS))) };
}

function edited(list: readonly EventLine[], revision: number, changes: Document): Document[] {
  return list.map((event) => (event.revision === revision ? { ...event, ...changes } : event));
}

/** The progress checkpoint of the story, its revision 7, and the completion after it. */
const PROGRESS = 7;
const ILLEGAL = ['event_illegal'];
const MISPLACED = ['event_misplaced'];
const UNREADABLE = ['event_unreadable'];
const OTHER_STATE = ['state_differs', 'payload_differs'];

/** As many as nobody reads: no state has them. */
function flooded(all: readonly EventLine[]): EventLine[] {
  const progress = all.find(({ revision }) => revision === PROGRESS);
  const end = all.slice(PROGRESS);
  const more = Array.from({ length: 500 }, (_, index) => ({
    ...progress,
    payload: { ...progress?.payload, checkpoint_id: `cp_${String(index + 4).padStart(4, '0')}` },
  }));
  return renumbered([...all.slice(0, PROGRESS), ...more, ...end] as EventLine[]);
}

/** The ledger fits the forged events in all of these; the state does not. */
const EVENT_FORGERIES: readonly Forgery[] = [
  events('an event removed', MISPLACED, (all) => all.filter(({ revision }) => revision !== 5)),
  events('an event removed, the rest renumbered', ['state_differs'], (all) =>
    renumbered(all.filter(({ type }) => type !== 'resume_refused')),
  ),
  events('the last event removed', OTHER_STATE, (all) => all.slice(0, -1)),
  events('an approval removed, the rest renumbered', ILLEGAL, (all) =>
    renumbered(all.filter(({ type }) => type !== 'approved')),
  ),
  events('a checkpoint removed, the rest renumbered', ILLEGAL, (all) =>
    renumbered(all.filter(({ revision }) => revision !== 2)),
  ),
  events('two events swapped', MISPLACED, (all) => swapped(all, 2)),
  events('two events swapped and renumbered', ILLEGAL, (all) => renumbered(swapped(all, 2))),
  events('the first event twice', MISPLACED, ([first, ...rest]) => [first, first, ...rest]),
  events('the first event twice, renumbered', ILLEGAL, ([first, ...rest]) =>
    renumbered([first, first, ...rest] as EventLine[]),
  ),
  events('checkpoints that no state has: nothing of them is kept', ['state_differs'], flooded),
  events('a summary edited', ['state_differs'], (all) =>
    all.map((event) =>
      event.revision === PROGRESS
        ? { ...event, payload: { ...event.payload, summary: 'did nothing' } }
        : event,
    ),
  ),
  events('another approver', ['state_differs'], (all) => edited(all, 4, { actor: 'mallory' })),
  events('another time of approval', ['state_differs'], (all) =>
    edited(all, 4, { created_at: '2026-02-14T00:03:00.4Z' }),
  ),
  events('another time of submission', OTHER_STATE, (all) =>
    edited(all, 1, { created_at: '2026-02-13T00:00:00Z' }),
  ),
  events('an event more, legal', ['state_differs'], (all) => [...all, repairedAfter(all)]),
  events('an event more, after the end', ILLEGAL, (all) => [...all, { ...all[5], revision: 9 }]),
  events('an event of a type that is not known', ILLEGAL, (all) => edited(all, PROGRESS, { type: 'moved' })),
  events('an event with a member that is not known', ILLEGAL, (all) =>
    edited(all, PROGRESS, { mood: 'fine' }),
  ),
  events('an event without its actor', ILLEGAL, (all) => edited(all, PROGRESS, { actor: undefined })),
  events('an event of another job', MISPLACED, (all) => edited(all, PROGRESS, { job_id: 'other' })),
  events('a revision that is text', MISPLACED, (all) => edited(all, PROGRESS, { revision: '7' })),
  events('a submission that was never made', MISPLACED, (all) => all.slice(1)),
  events('a fingerprint that is not of its environment', ILLEGAL, (all) =>
    edited(all, 1, { payload: { ...all[0]?.payload, environment_fingerprint: 'envfp:forged' } }),
  ),
  events('a time that no calendar has', ILLEGAL, (all) =>
    edited(all, 5, { created_at: '2026-02-30T25:61:61Z' }),
  ),
];

function swapped(list: readonly EventLine[], at: number): EventLine[] {
  return [...list.slice(0, at), ...list.slice(at, at + 2).reverse(), ...list.slice(at + 2)];
}

function repairedAfter(all: readonly EventLine[]): Document {
  const payload = { cut_bytes: 1, cut_sha256: '0'.repeat(64), kept_as: 'x.bin' };
  return { ...all[0], type: 'repaired', reason_code: 'log_repaired', revision: all.length + 1, payload };
}

/** The ledger stays as it was in all of these. */
const LINE_FORGERIES: readonly Forgery[] = [
  lines('an event edited, the ledger not', ['ledger_differs'], (text) => text.replace('nightly', 'weekly')),
  lines('no events', UNREADABLE, () => ''),
  lines('no newline at the end', UNREADABLE, (text) => text.slice(0, -1)),
  lines('a blank line', UNREADABLE, (text) => text.replace('\n', '\n\n')),
  lines('a carriage return', UNREADABLE, (text) => text.replace('\n', '\r\n')),
  lines('a space after a colon', UNREADABLE, (text) => text.replace('":', '": ')),
  lines('a byte-order mark', UNREADABLE, (text) => `\ufeff${text}`),
  lines('a member twice', UNREADABLE, (text) => text.replace('{"actor"', '{"actor":"x","actor"')),
  lines('a number with a fraction of nothing', UNREADABLE, (text) =>
    text.replace('"revision":3', '"revision":3.0'),
  ),
  lines('two events on a line', UNREADABLE, (text) => text.replace('}\n{', '}{')),
  lines('an event that is a list', UNREADABLE, (text) => `[]\n${text}`),
  lines('bytes that are not UTF-8', UNREADABLE, (text) =>
    Buffer.concat([Buffer.from([0xff]), Buffer.from(text)]),
  ),
];

describe('forged events, with a ledger that fits', () => refuses(EVENT_FORGERIES));
describe('forged lines of events', () => refuses(LINE_FORGERIES));
