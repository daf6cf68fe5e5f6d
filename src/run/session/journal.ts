import { canonicalBytes } from '../../core/canonical.ts';
import { GaitError, invalidInput } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import { parseJson } from '../../core/json_text.ts';
import { LineFile } from '../../files/line_file.ts';
import {
  eventFault,
  evolveEvents,
  evolveSession,
  type JournalLine,
  lineFault,
  type SessionEvent,
  type SessionState,
} from './session.ts';

const MAX_LINE_BYTES = 8 * 1024 * 1024;

/** What a command wants done to a journal, decided on its state. */
export interface JournalChange<T> {
  readonly append?: readonly JournalLine[];
  readonly replace?: readonly JournalLine[];
  readonly result: T;
}

/** A session's journal: decided on and appended to under its lock, by as many processes as like to. */
export class Journal {
  readonly path: string;
  readonly #file: LineFile;

  /** `file`: where the path leads, if it is a link. A compaction replaces the file, and not the link. */
  constructor(path: string, file: string = path) {
    this.path = path;
    this.#file = new LineFile({ path: file });
  }

  /** The session as the journal has it. Throws `journal_missing`, `journal_damaged`. */
  async load(): Promise<{ readonly state: SessionState; readonly bytes: number }> {
    const lines = (await this.#file.read()) ?? Buffer.alloc(0);
    const state = foldJournal(lines, this.path);
    if (state === undefined) throw this.#missing();
    return { state, bytes: lines.length };
  }

  /** Decides on the session as it is, and writes what was decided before this returns. */
  async change<T>(decide: (state: SessionState, bytes: number) => JournalChange<T>): Promise<T> {
    try {
      return await this.#file.change('update', (lines) => {
        const state = foldJournal(lines, this.path);
        if (state === undefined) throw this.#missing();
        return encoded(decide(state, lines.length));
      });
    } catch (error) {
      throw isAbsent(error) ? this.#missing() : error;
    }
  }

  /** As {@link change}, but the journal is made if there is none. */
  async start<T>(decide: (state: SessionState | undefined) => JournalChange<T>): Promise<T> {
    return this.#file.change('create', (lines, tail) => {
      // A torn header is the start of one. Anything else is not ours to cut off.
      if (lines.length === 0 && !isTornHeader(tail)) {
        throw damaged({ path: this.path, line: 1, offset: 0 }, 'the file is no journal');
      }
      return encoded(decide(foldJournal(lines, this.path)));
    });
  }

  #missing(): GaitError {
    const hint = 'Start it: gait run session start --journal FILE --session-id ID --run-id ID.';
    return invalidInput('journal_missing', `no journal: ${this.path}`, hint);
  }
}

/** The lines of a journal as they are written. */
export function journalBytes(lines: readonly JournalLine[]): Buffer {
  return Buffer.concat(lines.flatMap((line) => [canonicalBytes(line), NEWLINE]));
}

/** The session that whole lines make; undefined for none. Throws `journal_damaged` with the place of what is wrong. */
export function foldJournal(lines: Buffer, path: string): SessionState | undefined {
  let state: SessionState | undefined;
  let events: SessionEvent[] = []; // read, and not yet in the state
  let number = 0;
  let start = 0;
  for (let end = lines.indexOf(10); end !== -1; end = lines.indexOf(10, start)) {
    number += 1;
    const where = { path, line: number, offset: start };
    const line = readLine(lines.subarray(start, end), where);
    if (line?.record_type === 'event' && state !== undefined) {
      const fault = eventFault(state.header, state.lastSequence + events.length, line.event);
      if (fault !== undefined) throw damaged(where, fault);
      events.push(line.event);
    } else if (line !== undefined) {
      const next = evolveSession(state && evolveEvents(state, events), line);
      if (typeof next === 'string') throw damaged(where, next);
      [state, events] = [next, []];
    }
    start = end + 1;
  }
  return state && evolveEvents(state, events);
}

/** A line of a journal in any spelling of JSON: other programs write it too. Undefined for a blank line. */
function readLine(bytes: Buffer, where: Place): JournalLine | undefined {
  if (bytes.length > MAX_LINE_BYTES) throw damaged(where, `it has ${bytes.length} bytes`);
  if (bytes.toString('latin1').trim() === '') return undefined;
  try {
    const value = parseJson(bytes, 'the line');
    if (!isJsonObject(value)) throw damaged(where, 'it is not an object');
    const fault = lineFault(value);
    if (fault !== undefined) throw damaged(where, fault);
    return value as unknown as JournalLine;
  } catch (error) {
    if (!(error instanceof GaitError) || error.code === 'journal_damaged') throw error;
    throw damaged(where, error.message);
  }
}

interface Place {
  readonly path: string;
  readonly line: number;
  readonly offset: number;
}

function damaged(where: Place, why: string): GaitError {
  return new GaitError({
    code: 'journal_damaged',
    category: 'verification_failed',
    message: `the journal ${where.path} is damaged at line ${where.line}, byte ${where.offset}: ${why}`,
    hint: 'Nothing was changed. What its checkpoints cover is in their runpacks.',
    details: { ...where },
  });
}

function encoded<T>({ append, replace, result }: JournalChange<T>): {
  append?: Buffer;
  replace?: Buffer;
  result: T;
} {
  return {
    result,
    ...(append === undefined || append.length === 0 ? {} : { append: journalBytes(append) }),
    ...(replace === undefined ? {} : { replace: journalBytes(replace) }),
  };
}

/** True for the beginning of a first line, as gait or an earlier program writes it, and for nothing at all. */
function isTornHeader(tail: Buffer): boolean {
  const text = tail.toString('latin1');
  return ['{"header":', '{"record_type":"header"'].some(
    (start) => text.startsWith(start) || start.startsWith(text),
  );
}

function isAbsent(error: unknown): boolean {
  return error instanceof GaitError && error.details['errno'] === 'ENOENT';
}

const NEWLINE = Buffer.from('\n');
