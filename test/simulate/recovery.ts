import type { Pending } from '../../src/files/sim.ts';
import { planRepair, repair } from '../../src/job/repair/repair.ts';
import { LogDamage } from '../../src/log/record.ts';
import { LOG_FILE, SNAPSHOT_FILE } from '../../src/log/stores/file_store.ts';
import { promised } from './broken.ts';
import { type JobView, REPAIRER } from './job_view.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** How often a repair may be interrupted before it is left in peace. */
const INTERRUPTIONS = 2;

/**
 * After a failure of the power: what is owed is there; a log that is damaged is refused, and repaired; and what is on
 * disk now is owed from now on.
 */
export async function recover(world: World, lost: readonly Pending[]): Promise<void> {
  await world.check(true);
  for (const view of world.views) {
    view.owe(view.hashes.length);
    if (view.damage !== undefined) await mend(world, view, lost);
  }
}

async function mend(world: World, view: JobView, lost: readonly Pending[]): Promise<void> {
  const { jobId } = view;
  world.tally.damagedLogs += 1;
  const hole = lost.some(({ path, kind }) => path.endsWith(`/${jobId}/${LOG_FILE}`) && kind !== 'entry');
  promised(hole, `${jobId}: damaged, though all of it was synced`);
  for (let interruptions = 0; view.damage !== undefined; interruptions += 1) {
    const process = world.observer();
    await assertRefused(process, jobId);
    if (view.owed === 0) {
      moveAway(process, jobId);
      world.note(`${jobId} was damaged from its first record on, and is moved away`);
    } else {
      await repairOnce(world, view, process, interruptions < INTERRUPTIONS);
    }
    await world.check(true);
    view.owe(view.hashes.length);
  }
}

/** A writer that meets the damage says so, and changes nothing. */
async function assertRefused(process: Process, jobId: string): Promise<void> {
  const order = { kind: 'cancel' } as const;
  const error = await process.execute(jobId, { actor: REPAIRER }, order).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  promised(error instanceof LogDamage, `${jobId} is damaged, and was written to all the same: ${error}`);
}

/** The power may fail in the midst of it; then it is done again. */
async function repairOnce(world: World, view: JobView, process: Process, disturbed: boolean): Promise<void> {
  const { jobId } = view;
  const plan = await planRepair(process.files, jobId);
  promised(plan !== undefined, `${jobId} is damaged, and repair finds nothing`);
  promised(plan.keep.revision >= view.owed, `${jobId}: repair would cut what is owed`);
  if (disturbed && world.random.chance(0.4)) {
    process.expect({ kind: 'power failure', of: 'any', at: 1 + world.random.below(20) });
  }
  world.tally.repairs += 1;
  try {
    await repair(process.files, jobId, plan, { actor: REPAIRER, reason: 'power failure' }, process.now());
    world.note(`${jobId} is repaired after revision ${plan.keep.revision}`);
  } catch (error) {
    if (process.alive) throw error;
    world.note(`the repair of ${jobId} is interrupted`);
    world.restartTheDead();
  }
}

function moveAway({ files }: Process, jobId: string): void {
  for (const name of files.fs.names(files.dir(jobId))) {
    if (name === LOG_FILE || name === SNAPSHOT_FILE) files.fs.remove(files.path(jobId, name));
  }
  files.fs.syncDir(files.dir(jobId));
}
