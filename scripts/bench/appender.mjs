// A writer of the bench, as a process of its own: `node appender.mjs ROOT WRITER COUNT`. Says that it is ready, waits for
// its standard input to end, then appends COUNT events to the one log, and says that it is done.

import { seal } from '../../dist/log/record.js';
import { FileStore } from '../../dist/log/stores/file_store.js';

const [root, writer, count] = process.argv.slice(2);
const store = new FileStore({ root, idField: 'job_id', lockTimeoutMs: 120_000 });

async function readOn(after) {
  let last = after;
  for await (const records of store.read('bench', after === undefined ? {} : { after })) {
    last = records.at(-1) ?? last;
  }
  return last;
}

function batchOn(head, sequence) {
  const revision = (head?.revision ?? 0) + 1;
  const expected = head === undefined ? 'none' : { revision: head.revision, hash: head.hash };
  const payload = { writer, sequence, summary: '12 of 40 tables done' };
  return seal('bench', 'job_id', expected, [
    { job_id: 'bench', payload, revision, type: 'checkpoint_added' },
  ]);
}

process.stdout.write('ready\n');
for await (const _ of process.stdin);
let head = await readOn(undefined);
for (let sequence = 1; sequence <= Number(count); ) {
  const outcome = await store.append(batchOn(head, sequence));
  if (outcome.status === 'unknown') throw outcome.cause;
  if (outcome.status === 'committed') {
    head = outcome.head;
    sequence += 1;
  } else head = await readOn(head);
}
process.stdout.write('done\n');
await store.close();
