// Workers: how soon the command of a claimed job runs, and how many jobs go through.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../dist/core/clock.js';
import { realPorts } from '../../dist/host/process/spawn.js';
import { environmentHere } from '../../dist/job/environment.js';
import { claimOf } from '../../dist/job/fingerprint.js';
import { Jobs } from '../../dist/job/jobs.js';
import { runJob } from '../../dist/job/work/runner.js';
import { FileStore } from '../../dist/log/stores/file_store.js';
import { childEnv, ROOT } from '../run.mjs';
import { benchManyJobs } from './many_jobs.mjs';
import { median, row } from './table.mjs';
import { benchWriters } from './writers.mjs';

const STARTS = 60;
const JOBS = 200;
const ROUNDS = 3;

/** Figures of leases and workers; what they need of the disk is in `dir`. */
export async function benchWork(dir) {
  await benchWriters(dir);
  await benchStart(dir);
  await benchThroughput(dir);
  await benchManyJobs(dir);
}

function jobsIn(root) {
  const store = new FileStore({ root, idField: 'job_id' });
  const jobs = new Jobs(store, systemClock);
  const claim = claimOf({ rules: ['os'], values: { os: 'any' } });
  const submit = (jobId, argv) => {
    const task = { argv, cwd: '/', pass_env: [] };
    return jobs.execute(jobId, { actor: 'bench' }, { kind: 'submit', claim, producerVersion: '0', task });
  };
  return { store, jobs, submit };
}

/** The time of day, in milliseconds with a fraction. */
const now = () => performance.timeOrigin + performance.now();

/** The command that is started: a shell whose first command notes the time of day. */
const noting = (path) => ['/bin/sh', '-c', 'date +%s%N >"$0"', path];
const noted = (path) => Number(readFileSync(path, 'utf8').trim()) / 1e6;

/** From the claim being on disk to the command's first act, beside the same command started by others. */
async function benchStart(dir) {
  const { status, stdout } = spawnSync('date', ['+%s%N'], { encoding: 'utf8' });
  if (status !== 0 || !/^\d+\n$/.test(stdout)) {
    console.log('no figure of claim to start: this date(1) knows no nanoseconds');
    return;
  }
  const root = join(dir, 'starts');
  const path = join(dir, 'noted');
  const { store, jobs, submit } = jobsIn(root);
  const times = { ours: [], spawned: [], shell: [] };
  const ports = realPorts(childEnv(), 'both', environmentHere);
  for (let i = 0; i < STARTS; i += 1) {
    await submit(`job_${i}`, noting(path));
    times.ours.push(await claimToStart(jobs, ports, root, `job_${i}`, path));
    times.spawned.push(await spawnToStart(path));
    times.shell.push(shellToStart(path));
  }
  await store.close();
  rmSync(root, { recursive: true });
  const [ours, spawned, shell] = Object.values(times).map(median);
  const show = (ms) => `${ms.toFixed(1)} ms`;
  row('claim on disk to command', show(ours), `spawn of it by Node ${show(spawned)}`, ours / spawned);
  row('the same', show(ours), `/bin/sh starts it ${show(shell)}`, ours / shell);
}

async function claimToStart(jobs, ports, jobRoot, jobId, path) {
  let claimed = 0;
  const onStart = () => {
    claimed = now();
  };
  const times = { ttlMs: 30_000, graceMs: 2000, killAfterMs: 5000, pollMs: 250 };
  const options = { jobId, jobRoot, workerId: 'bench', complete: true, onStart, ...times };
  const { outcome } = await runJob(jobs, options, ports);
  if (outcome !== 'finished') throw new Error(outcome);
  return noted(path) - claimed;
}

async function spawnToStart(path) {
  const [command, ...args] = noting(path);
  const start = now();
  await once(spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env: childEnv() }), 'exit');
  return noted(path) - start;
}

/** A shell notes the time, and starts the command. */
function shellToStart(path) {
  const script = 'date +%s%N >"$0.start"; /bin/sh -c \'date +%s%N >"$0"\' "$0"';
  spawnSync('/bin/sh', ['-c', script, path], { env: childEnv() });
  return noted(path) - noted(`${path}.start`);
}

/** Runs /bin/true for each job, one after the other, and after each a line is appended to a file and synced. */
const SHELL_LOOP = `i=0
while [ $i -lt ${JOBS} ]; do
  i=$((i + 1)); "$1" || exit 1; echo "job_$i finished" >>"$2"; sync -d "$2"
done`;

async function benchThroughput(dir) {
  const [root, lines] = [join(dir, 'work'), join(dir, 'lines')];
  const command = '/bin/true';
  const ours = { 1: [], 4: [] };
  const shell = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const concurrency of [1, 4]) {
      const { store, jobs, submit } = jobsIn(root);
      for (let i = 0; i < JOBS; i += 1) await submit(`job_${i}`, [command]);
      const args = ['job', 'work', '--once', '--concurrency', String(concurrency), '--root', root];
      ours[concurrency].push(seconds([process.execPath, join(ROOT, 'bundle', 'main.cjs'), ...args]));
      for await (const { job } of jobs.list()) if (job.status !== 'completed') throw new Error('not all ran');
      await store.close();
      rmSync(root, { recursive: true });
    }
    shell.push(seconds(['/bin/sh', '-c', SHELL_LOOP, 'sh', command, lines]));
    rmSync(lines);
  }
  const show = (time) => `${Math.round(JOBS / time)} jobs/s`;
  const rival = `sh loop + sync -d ${show(median(shell))}`;
  for (const concurrency of [1, 4]) {
    const time = median(ours[concurrency]);
    row(`job work --once, ${concurrency} at a time`, show(time), rival, median(shell) / time);
  }
}

function seconds([command, ...args]) {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(command, args, {
    env: childEnv(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${status} ${stderr}`);
  return Number(process.hrtime.bigint() - start) / 1e9;
}
