// A process of its own for hammer.test.ts: `append ROOT WRITER COUNT` or `hold ROOT`.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeFs } from '../../src/files/node.ts';
import { type Expected, type Position, seal } from '../../src/log/record.ts';
import { FileStore, LOG_FILE } from '../../src/log/stores/file_store.ts';
import { headText, type Invoked, type Returned } from '../linear/told.ts';
import { seeded } from '../support/seed.ts';
import { ID_FIELD, STREAM } from '../support/streams.ts';

const [mode, root = '', writer = '', count = '0'] = process.argv.slice(2);
const random = seeded(`hammer ${writer}`);
const store = new FileStore({ root, idField: ID_FIELD, lockTimeoutMs: 60_000 });

/** Tells the parent of a call as it begins and as it ends. Killed between the two, the process leaves its outcome open. */
function tell(line: Invoked | Returned): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

/** One clock for all processes of the machine. Nanoseconds. */
function now(): string {
  return String(process.hrtime.bigint());
}

/** Reads on to the end of the stream. */
async function readOn(after: Position | undefined): Promise<Position | undefined> {
  tell({ kind: 'read', at: now() });
  let last = after;
  for await (const records of store.read(STREAM, after === undefined ? {} : { after })) {
    last = records.at(-1) ?? last;
  }
  tell({ status: 'read', head: headText(expectedAt(last)), at: now() });
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
    const batch = seal(STREAM, ID_FIELD, expectedAt(head), [event]);
    tell({
      kind: 'append',
      expected: headText(batch.expected),
      next: headText(batch.head),
      writer,
      sequence,
      at: now(),
    });
    const outcome = await store.append(batch);
    if (outcome.status === 'unknown') throw outcome.cause;
    tell({ status: outcome.status, head: headText(outcome.head), at: now() });
    if (outcome.status === 'committed') {
      sequence += 1;
      head = outcome.head;
    } else {
      await sleep(random.real());
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
