import { jobToSnapshot } from '../../../src/job/state.ts';
import { LOG_FILE, SNAPSHOT_FILE } from '../../../src/log/stores/file_store.ts';
import type { Chronicle } from './chronicle.ts';
import type { Field } from './field.ts';
import type { Host } from './host.ts';
import { OPEN } from './open_faults.ts';

/** What happens to logs that no disk and no process of gait's does. */
export async function anyDamage(field: Field, chronicle: Chronicle): Promise<void> {
  const { random } = field;
  if (chronicle.damaged || chronicle.forked || field.zeroed.has(chronicle.jobId) || chronicle.length < 3)
    return;
  field.tally.damages += 1;
  const what = random.weighed({ flip: 5, hole: 2, cut: 2, zeros: 1, older: 0.7 });
  field.note(`${chronicle.jobId}: damage, ${what}`);
  if (what !== 'older') chronicle.everDamaged = true;
  if (what === 'flip') flip(field, chronicle);
  if (what === 'hole') hole(field, chronicle);
  if (what === 'cut') await cut(field, chronicle);
  if (what === 'zeros') await zeros(field, chronicle);
  if (what === 'older') older(field, chronicle);
  field.changing();
}

/** One bit, in any record but the first, and in no newline: a last one without it would be a tail that was never acknowledged. */
function flip({ random, observer }: Field, chronicle: Chronicle): void {
  const revision = 2 + random.below(chronicle.length - 1);
  const { bytes } = chronicle;
  const [start, end] = [chronicle.ends[revision - 2] ?? 0, chronicle.ends[revision - 1] ?? 0];
  const at = start + random.below(end - start - 1);
  chronicle.mayGo([chronicle.hashAt(revision) ?? '']);
  overwrite(observer, chronicle.jobId, at, Buffer.from([(bytes[at] ?? 0) ^ (1 << random.below(8))]));
}

/** Zeros in place of records, as a power failure leaves them where a disk lied; what follows stands yet. */
function hole({ random, observer }: Field, chronicle: Chronicle): void {
  const first = 2 + random.below(chronicle.length - 1);
  const last = Math.min(chronicle.length, first + random.below(4));
  const [start, end] = [chronicle.ends[first - 2] ?? 0, chronicle.ends[last - 1] ?? 0];
  for (let revision = first; revision <= last; revision += 1)
    chronicle.mayGo([chronicle.hashAt(revision) ?? '']);
  // With its last newline: without one it would be a tail.
  overwrite(observer, chronicle.jobId, start, Buffer.alloc(end - start - 1));
}

/** The end is gone at a newline, and the snapshot knows of it. */
async function cut({ random, observer }: Field, chronicle: Chronicle): Promise<void> {
  await keepSnapshot(observer, chronicle);
  const keep = 2 + random.below(chronicle.length - 2);
  for (let revision = keep + 1; revision <= chronicle.length; revision += 1)
    chronicle.mayGo([chronicle.hashAt(revision) ?? '']);
  chronicle.shortened = true;
  resize(observer, chronicle.jobId, chronicle.ends[keep - 1] ?? 0);
}

async function zeros({ observer, random, zeroed }: Field, chronicle: Chronicle): Promise<void> {
  await keepSnapshot(observer, chronicle);
  const { jobId, bytes } = chronicle;
  zeroed.set(jobId, bytes);
  if (random.chance(0.5)) overwrite(observer, jobId, 0, Buffer.alloc(bytes.length));
  else resize(observer, jobId, 0);
}

/** A copy that somebody made earlier takes the place of the log, and after a while the true log does again. */
function older(field: Field, chronicle: Chronicle): void {
  const { jobId, bytes } = chronicle;
  const { observer, random, time } = field;
  const keep = 1 + random.below(chronicle.length - 2);
  chronicle.forked = true;
  replace(observer, jobId, bytes.subarray(0, chronicle.ends[keep - 1] ?? 0));
  time.at(time.now + 1000 + random.below(6000), () => {
    field.note(`${jobId}: the true log is put back`);
    replace(observer, jobId, bytes);
    field.changing();
    if (field.peaceful && OPEN.livedThroughRepair) field.startAnew();
  });
}

export async function keepSnapshot({ files }: Host, chronicle: Chronicle): Promise<void> {
  const { jobId, job, length, ends } = chronicle;
  const position = { revision: length, hash: chronicle.hashAt(length) ?? '', offset: ends[length - 1] ?? 0 };
  await files.saveSnapshot(jobId, { position, state: jobToSnapshot(job) });
}

function overwrite({ files: { fs }, files }: Host, jobId: string, at: number, bytes: Buffer): void {
  const fd = fs.open(files.path(jobId, LOG_FILE), 'update');
  fs.write(fd, bytes, at);
  fs.sync(fd);
  fs.close(fd);
}

function resize({ files: { fs }, files }: Host, jobId: string, size: number): void {
  const fd = fs.open(files.path(jobId, LOG_FILE), 'update');
  fs.truncate(fd, size);
  fs.sync(fd);
  fs.close(fd);
}

/** As `cp` and `mv` do. No snapshot stays that would know better. */
export function replace({ files: { fs }, files }: Host, jobId: string, bytes: Buffer): void {
  const copy = files.path(jobId, 'copy');
  const fd = fs.open(copy, 'new');
  fs.write(fd, bytes, 0);
  fs.sync(fd);
  fs.close(fd);
  fs.rename(copy, files.path(jobId, LOG_FILE));
  if (fs.names(files.dir(jobId)).includes(SNAPSHOT_FILE)) fs.remove(files.path(jobId, SNAPSHOT_FILE));
  fs.syncDir(files.dir(jobId));
}
