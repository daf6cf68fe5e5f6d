import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { childEnv } from '../../support/shell.ts';
import { GAIT, has, malformed, until } from '../gait.ts';
import { completed, count } from '../log.ts';
import { needsRoot, type Place } from './place.ts';
import { LYING_LOCK, needsCompiler, preloaded } from './shims.ts';
import type { Stage } from './stage.ts';

/** Fills the disk, then the log's last page with notes, until not even the shortest one finds room. */
const FILL = `
mark=$1 fill=$2; shift 2
echo "start $GAIT_LEASE_TOKEN" >>"$mark"
dd if=/dev/zero of="$fill" bs=4k 2>/dev/null
long=$(printf %0400d 0)
while "$@" job checkpoint add --id j --summary "$long" >/dev/null 2>&1; do :; done
while "$@" job checkpoint add --id j --summary x >/dev/null 2>&1; do :; done
echo "end $GAIT_LEASE_TOKEN" >>"$mark"
`;

/** A job whose command fills the disk that its log is on. */
async function onFullDisk(stage: Stage): Promise<{ free(): void }> {
  mounted(stage, ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', stage.dir]);
  const [script, fill] = [join(stage.top, 'fill.sh'), join(stage.dir, 'fill')];
  writeFileSync(script, FILL);
  const command = ['sh', script, join(stage.top, 'j'), fill, ...GAIT];
  await stage.ok(['job', 'submit', '--id', 'j', '--actor', 'agent', '--', ...command]);
  return { free: () => rmSync(fill) };
}

function mounted(stage: Stage, args: readonly string[]): void {
  const { status, stderr } = spawnSync('mount', args, { env: childEnv(), encoding: 'utf8' });
  if (status !== 0) throw new Error(`mount ${args.join(' ')}: ${stderr}`);
  stage.later(() => spawnSync('umount', ['-l', stage.dir], { env: childEnv(), stdio: 'ignore' }));
}

function needsMounts(): string | undefined {
  return needsRoot() ?? (has('unshare', '--mount', 'true') ? undefined : 'no mounts');
}

const ended = (stage: Stage): Promise<boolean> =>
  until(() => stage.marks('j').some((mark) => mark.startsWith('end')));

const fullThenFree: Place = {
  name: 'a full disk that is freed later',
  done: 'the command fills the disk, and ends well; freed 1.5 s after its end, within the lease',
  must: 'finished is said (exit 0) and recorded, the command ran once',
  missing: needsMounts,
  async act(stage, fault) {
    const { free } = await onFullDisk(stage);
    const run = stage.start([
      'job',
      'run',
      '--id',
      'j',
      '--complete',
      '--worker',
      'w',
      '--ttl',
      '60s',
      '--json',
    ]);
    if (!(await ended(stage))) fault('the command did not end');
    await sleep(1500);
    if (completed(stage.log('j'))) fault('the disk was not full: the place shows nothing');
    free();
    const { exit, out, err } = await run.done;
    if (exit !== 0) fault(`exit ${exit}: ${out}${err}`);
    for (const what of await stage.notDone('j')) fault(what);
    if (stage.marks('j').length !== 2)
      fault(`the command ran more than once: ${stage.marks('j').join(', ')}`);
  },
};

const fullForGood: Place = {
  name: 'a full disk that is not freed in time',
  done: 'the same with a lease of 3 s; freed when job run has ended, then another worker',
  must: 'told as not recorded (exit 1), the job goes on by itself later',
  missing: needsMounts,
  async act(stage, fault) {
    const { free } = await onFullDisk(stage);
    const run = stage.start([
      'job',
      'run',
      '--id',
      'j',
      '--complete',
      '--worker',
      'w',
      '--ttl',
      '3s',
      '--json',
    ]);
    const answer = await run.done;
    const bad = malformed(answer);
    if (bad !== undefined) fault(bad);
    if (answer.exit !== 1) fault(`exit ${answer.exit}: ${answer.out}${answer.err}`);
    free();
    rmSync(join(stage.top, 'fill.sh'));
    writeFileSync(join(stage.top, 'fill.sh'), 'echo "start $GAIT_LEASE_TOKEN\nend $GAIT_LEASE_TOKEN" >>"$1"');
    const worker = stage.worker('other');
    for (const what of await stage.notDone('j')) fault(what);
    worker.child.kill('SIGTERM');
    await worker.done;
  },
};

const readOnly: Place = {
  name: 'a read-only root',
  done: 'status, list, verify, submit, pause, run and work on a read-only mount',
  must: 'what reads works, what writes says so (exit 1), no command starts, the log is what it was',
  missing: needsMounts,
  async act(stage, fault) {
    await stage.submit('j', 0, 0);
    const before = stage.log('j').bytes;
    const script = `mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && exec "$@"`;
    const how = { through: ['unshare', '--mount', 'sh', '-c', script, stage.dir] };
    for (const words of [['status', '--id', 'j'], ['list'], ['verify', '--id', 'j']]) {
      const { exit, out } = await stage.gait(['job', ...words], how);
      if (exit !== 0) fault(`job ${words[0]}: exit ${exit}: ${out}`);
    }
    for (const words of [
      ['submit', '--id', 'k', '--', 'true'],
      ['pause', '--id', 'j'],
      ['run', '--id', 'j', '--complete'],
    ]) {
      const answer = await stage.gait(['job', ...words], how);
      const bad = malformed(answer);
      if (bad !== undefined || answer.exit !== 1)
        fault(`job ${words[0]}: ${bad ?? answer.exit}: ${answer.out}`);
    }
    const work = await stage.gait(['job', 'work', '--once'], how);
    if (work.stuck || work.exit === undefined) fault('job work did not end');
    if (stage.marks('j').length > 0) fault('the command was started');
    if (!stage.log('j').bytes.equals(before)) fault('the log changed');
  },
};

const lyingLock: Place = {
  name: 'a file system whose lock lies',
  done: 'flock(2) always says yes (a shim): the first write of a new root, and of one with a job',
  must: 'refused with exit 8 (lock_not_exclusive), nothing is written; what reads works',
  missing: needsCompiler,
  async act(stage, fault) {
    await stage.submit('j', 0, 0);
    const before = stage.log('j').bytes;
    const env = preloaded(stage.top, LYING_LOCK);
    for (const words of [
      ['submit', '--id', 'k', '--actor', 'agent', '--root', join(stage.dir, 'new')],
      ['submit', '--id', 'k', '--actor', 'agent'],
      ['pause', '--id', 'j', '--actor', 'agent'],
      ['claim', '--id', 'j', '--worker', 'w', '--ttl', '1s'],
    ]) {
      const { exit, said, out } = await stage.gait(['job', ...words], { env });
      if (exit !== 8 || said?.error_code !== 'lock_not_exclusive')
        fault(`job ${words[0]}: exit ${exit}: ${out}`);
    }
    if (!stage.log('j').bytes.equals(before)) fault('the log changed');
    if (count(stage.log('k'), 'submitted') > 0) fault('a refused job was written');
    const { exit } = await stage.gait(['job', 'status', '--id', 'j'], { env });
    if (exit !== 0) fault(`job status: exit ${exit}`);
  },
};

export const DISKS: readonly Place[] = [fullThenFree, fullForGood, readOnly, lyingLock];
