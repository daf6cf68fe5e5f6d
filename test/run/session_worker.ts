// A process of its own for session_fuzz.test.ts: `append|checkpoint|cycle JOURNAL NAME COUNT PAUSE`. Says each thing
// that is done once it is acknowledged, as a line: `event NAME NUMBER SEQUENCE`, `checkpoint INDEX`, `compacted`; and
// `contended` when others came between too often. Between them it waits for up to PAUSE milliseconds.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { processIo } from '../../src/cli/io.ts';
import { GaitError } from '../../src/core/errors.ts';
import { makeCheckpoint } from '../../src/host/sessions/checkpoint_files.ts';
import { Journal } from '../../src/run/session/journal.ts';
import { compacted, decideAppend, type SessionEvent } from '../../src/run/session/session.ts';
import { seeded } from '../support/seed.ts';
import { NOW } from '../support/sessions.ts';

const [mode, path = '', name = '', count = '0', pause = '4'] = process.argv.slice(2);
const journal = new Journal(path);
const random = seeded(`session ${name}`);
const io = processIo(true);

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function append(number: number): Promise<void> {
  const { sequence } = await journal.change<SessionEvent>((state) => {
    const facts = { tool_name: name, trace_id: `${name}.${number}`, verdict: 'allow' };
    const event = decideAppend(state, facts, 'fuzz', NOW);
    return { append: [{ record_type: 'event', event }], result: event };
  });
  say(`event ${name} ${number} ${sequence}`);
}

async function checkpoint(): Promise<void> {
  try {
    const request = { journal, out: undefined, chainOut: undefined, key: undefined };
    const made = await makeCheckpoint(request, io);
    say(`checkpoint ${made.checkpoint.checkpoint_index}`);
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    if (error.code === 'stream_contended' && error.retryable) say('contended');
    else if (error.code !== 'no_new_events') throw error;
  }
}

async function compact(): Promise<void> {
  await journal.change((state) => ({ replace: compacted(state), result: undefined }));
  say('compacted');
}

for (let number = 1; number <= Number(count); number += 1) {
  if (mode !== 'checkpoint') await append(number);
  if (mode !== 'append') await checkpoint();
  if (mode === 'cycle') await compact();
  await sleep(random.real() * Number(pause));
}
