// A process of its own for hammer.test.ts: `append ROOT WRITER COUNT` or `hold ROOT`.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileStore, LOG_FILE } from '../../src/log/file_store.ts';
import { nodeFs } from '../../src/log/fs/node.ts';
import { type Expected, type Position, seal } from '../../src/log/record.ts';
import { ID_FIELD, STREAM } from '../support/streams.ts';

const [mode, root = '', writer = '', count = '0'] = process.argv.slice(2);
const store = new FileStore({ root, idField: ID_FIELD, lockTimeoutMs: 60_000 });

/** Reads on to the end of the stream. */
async function readOn(after: Position | undefined): Promise<Position | undefined> {
  let last = after;
  for await (const records of store.read(STREAM, after === undefined ? {} : { after })) {
    last = records.at(-1) ?? last;
  }
  return last;
}

function expectedAt(position: Position | undefined): Expected {
  return position === undefined ? 'none' : { revision: position.revision, hash: position.hash };
}

async function appendAll(events: number): Promise<void> {
  let head = await readOn(undefined);
  for (let sequence = 1; sequence <= events; ) {
    const revision = (head?.revision ?? 0) + 1;
    const event = {
      [ID_FIELD]: STREAM,
      revision,
      writer,
      sequence,
      filler: 'x'.repeat((sequence * 37) % 500),
    };
    const outcome = await store.append(seal(STREAM, ID_FIELD, expectedAt(head), [event]));
    if (outcome.status === 'unknown') throw outcome.cause;
    if (outcome.status === 'committed') {
      writeSync(1, `${writer} ${sequence} ${revision}\n`);
      sequence += 1;
      head = outcome.head;
    } else {
      await sleep(Math.random());
      head = await readOn(head);
    }
  }
}

async function hold(): Promise<void> {
  const fd = nodeFs.open(store.path(STREAM, LOG_FILE), 'update');
  if (!nodeFs.tryLock(fd)) throw new Error('the log is locked already');
  writeSync(1, 'held\n');
  await sleep(600_000);
}

await (mode === 'hold' ? hold() : appendAll(Number(count)));
