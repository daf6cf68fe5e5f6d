import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { malformed, until } from '../gait.ts';
import { completed } from '../log.ts';
import { needsRoot, type Place } from './place.ts';
import { drained } from './stage.ts';

const [AGENT, OPERATOR, GROUP] = [5001, 5002, 5500];

const accounts: Place = {
  name: 'two accounts that share a group',
  done: 'root folder with setgid: the agent submits, asks, works; the operator approves, resumes; root repairs',
  must: 'each may do its part, also after the repair, which keeps owner and mode',
  missing: needsRoot,
  async act(stage, fault) {
    mkdirSync(stage.root, { recursive: true });
    chownSync(stage.root, 0, GROUP);
    chmodSync(stage.root, 0o2770);
    const agent = { uid: AGENT, gid: GROUP };
    const operator = { uid: OPERATOR, gid: GROUP };
    const checkpoint = ['job', 'checkpoint', 'add', '--id', 'j', '--actor', 'agent', '--summary'];
    const by = (...words: readonly string[]): string[] => [
      'job',
      ...words,
      '--id',
      'j',
      '--actor',
      'operator',
    ];
    const check = async (words: readonly string[], who: { uid?: number; gid?: number }): Promise<void> => {
      const { exit, out, err } = await stage.gait(words, who);
      if (exit !== 0)
        fault(`${who.uid ?? 'root'}: ${words.slice(0, 3).join(' ')}: exit ${exit}: ${out}${err}`);
    };
    if ((await stage.gait(['job', 'list'], agent)).exit !== 0)
      fault('another account cannot start gait here');
    await check(['job', 'submit', '--id', 'j', '--actor', 'agent', '--', 'true'], agent);
    await check([...checkpoint, 'may I', '--type', 'decision-needed', '--required-action', 'go on?'], agent);
    for (const who of [operator, agent, operator]) await check(['job', 'list'], who);
    await check(['job', 'status', '--id', 'j'], operator);
    await check([...by('approve'), '--checkpoint', 'cp_0001', '--reason', 'fine'], operator);
    await check([...by('resume'), '--reason', 'go'], operator);
    for (const summary of ['one', 'two']) await check([...checkpoint, summary], agent);

    const path = join(stage.root, 'j', 'log.ndjson');
    const before = statSync(path);
    writeFileSync(path, readFileSync(path, 'latin1').replace('"one"', '"onE"'), 'latin1');
    await check([...by('repair'), '--yes'], {});
    const after = statSync(path);
    if (after.uid !== before.uid || after.gid !== before.gid || after.mode !== before.mode)
      fault(`the log was of ${who(before)}, and is of ${who(after)}`);
    await check([...by('resume'), '--reason', 'looked at it'], operator);
    await check([...checkpoint, 'three'], agent);
    await check(['job', 'verify', '--id', 'j'], operator);
  },
};

function who({ uid, gid, mode }: { uid: number; gid: number; mode: number }): string {
  return `${uid}:${gid} ${(mode & 0o7777).toString(8)}`;
}

const noWorkingFolder: Place = {
  name: 'the working folder of a job is gone',
  done: 'removed before the first run; made again, resumed, run again',
  must: 'the answer or the log names the folder, the command does not run elsewhere; then it is completed',
  missing: () => undefined,
  async act(stage, fault) {
    const folder = join(stage.dir, 'inner');
    mkdirSync(folder);
    const mark = join(stage.top, 'j');
    const at = { cwd: folder };
    const root = ['--root', stage.root];
    await stage.ok(['job', 'submit', '--id', 'j', ...root, '--', 'sh', '-c', `pwd >>${mark}`], at);
    rmSync(folder, { recursive: true });
    const answer = await stage.gait(['job', 'run', '--id', 'j', '--complete']);
    const bad = malformed(answer);
    if (bad !== undefined || answer.exit === 0) fault(bad ?? 'exit 0');
    if (stage.marks('j').length > 0) fault('the command ran in another folder');
    const told = JSON.stringify(stage.log('j').events.slice(1)) + (answer.said?.error ?? '');
    if (!told.includes(folder)) fault(`nobody is told which folder is missing: ${answer.out}`);
    mkdirSync(folder);
    const { job } = await stage.ok(['job', 'status', '--id', 'j']);
    if (job?.status === 'blocked') await stage.ok(['job', 'resume', '--id', 'j', '--reason', 'it is back']);
    await stage.ok(['job', 'work', '--once']);
    if (!completed(stage.log('j')) || stage.marks('j').join() !== folder)
      fault('it was not completed in its folder');
  },
};

const noJobFolder: Place = {
  name: 'the folder of a job is removed while its command runs',
  done: 'rm -r of the job under job run',
  must: 'the command is ended, and job run says so (exit not 0)',
  missing: () => undefined,
  async act(stage, fault) {
    await stage.submit('j', 100, 0);
    const run = stage.start(['job', 'run', '--id', 'j', '--complete', '--ttl', '2s', '--json']);
    await stage.running('j');
    rmSync(join(stage.root, 'j'), { recursive: true });
    const answer = await run.done;
    const bad = malformed(answer);
    if (bad !== undefined || answer.exit === 0) fault(bad ?? 'exit 0');
    if (stage.marks('j').some((mark) => mark.startsWith('end'))) fault('the command was left to its end');
  },
};

const noRoot: Place = {
  name: 'the root is removed under a worker that waits',
  done: 'rm -r of gait-out under job work; then a new job is submitted',
  must: 'the worker goes on: it runs the new job, and ends when told to',
  missing: () => undefined,
  async act(stage, fault) {
    await stage.submit('first', 0, 0);
    const worker = stage.worker('w');
    for (const what of await stage.notDone('first')) fault(what);
    rmSync(join(stage.dir, 'gait-out'), { recursive: true });
    await until(() => worker.heard().length > 0 || worker.child.exitCode !== null);
    await stage.submit('second', 0, 0);
    for (const what of await stage.notDone('second')) fault(what);
    for (const what of await drained(worker)) fault(what);
  },
};

export const FOLDERS: readonly Place[] = [accounts, noWorkingFolder, noJobFolder, noRoot];
