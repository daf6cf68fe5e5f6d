import assert from 'node:assert/strict';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { TREE } from '../../src/tree.ts';
import { type Result, sharedWorkspace, type Workspace } from '../support/cli.ts';
import { prepareGate } from '../support/gate_cli.ts';
import { approve, ask, submit } from '../support/given.ts';
import { runHere } from '../support/in_process.ts';
import { otherRun, record, runInput } from '../support/run_inputs.ts';
import { shellWords } from './shell_words.ts';

const SESSION = '--journal night.jsonl';
const BOBS = '--private-key bob_private.key';
const EVAL = 'gate eval --intent intent.json --private-key gate_private.key';

/** Of what is there already: the same to the byte. */
const READING: readonly string[] = [
  ...[
    '',
    '--version',
    'version --json',
    '--help',
    'job --help',
    'help job checkpoint add',
    'jbo',
    'job --odd',
  ],
  ...['job status --id demo', 'job status --id demo --json', 'job status', 'job status --id nobody --json'],
  ...['job list', 'job list --json', 'job log --id demo', 'job log --id demo --at 2 --json'],
  ...['job inspect --id demo', 'job verify --id demo --json', 'job checkpoint list --id demo'],
  ...['job checkpoint show --id demo --checkpoint cp_0001 --json', 'job log --id done --follow --json'],
  ...[
    'job run --id nobody --json',
    'job work --once --json --worker w1 --root none',
    'job work --concurrency 0',
  ],
  ...[
    'pack verify job.zip',
    'pack inspect job.zip --json',
    'pack diff job.zip run.zip',
    'pack verify none.zip',
  ],
  ...['run inspect run_demo', 'run receipt run_demo --json', 'run diff run_demo run_other --json'],
  ...['verify ./run.zip', 'verify run_demo --json', 'policy validate bad.yaml --json'],
  ...['policy test ask.yaml intent.json', 'policy explain ask.yaml intent.json', 'policy fmt ask.yaml'],
  ...['policy simulate --policy ask.yaml --baseline allow.yaml --fixtures intent.json', 'keys list --json'],
  ...['keys verify --private-key bob_private.key', 'kill-switch list', 'run session status --journal none'],
];

/** What they leave and say has times in it, and what is made by chance: the same beside these. */
const WRITING: readonly string[] = [
  ...['job submit --id new', 'job checkpoint add --id new --summary s --json', 'job pause --id new'],
  ...['job resume --id new --json', 'job claim --id new --worker w1 --json', 'job renew --id new --token 5'],
  ...[
    'job release --id new --token 5',
    'job approve --id demo --json',
    'job cancel --id new',
    'job stop --id new',
  ],
  ...['job repair --id new', 'job submit --id new --json', 'pack build --type job --from new --out new.zip'],
  ...['pack list', 'pack build run_demo --out again.zip --json', 'run reduce run_demo --json'],
  ...['run record run_other.json --out-dir out', `run session start ${SESSION} --session-id s1 --run-id r1`],
  ...[`run session append ${SESSION} --tool one --verdict allow --json`, `run session checkpoint ${SESSION}`],
  ...[
    `run session status ${SESSION}`,
    'verify session-chain night_chain.json',
    `run session compact ${SESSION}`,
  ],
  ...['keys init', 'keys rotate --json', 'keys add --public-key bob_public.key --purpose pack --json'],
  ...['keys revoke --key-id 0 --reason lost', 'kill-switch add --all --reason r', 'kill-switch disable x'],
  ...['policy init low --out made.yaml', `${EVAL} --policy allow.yaml --state-dir s --trace-out trace.json`],
  ...[`${EVAL} --policy block.yaml --json`, `${EVAL} --policy bad.yaml`, 'verify chain --decisions s --json'],
  ...[
    'policy explain ask.yaml intent.json --json',
    'trace verify trace.json --public-key gate_public.key',
    'run replay run_demo --json',
  ],
  ...[`approve --intent intent.json --policy ask.yaml --approver bob --reason-code ok ${BOBS} --out t.json`],
  ...['approve verify --token t.json --intent intent.json --policy ask.yaml --public-key bob_public.key'],
  ...['approve revoke --token t.json --reason lost --json'],
  ...[`delegate mint --delegator alice --delegate bob --scope write --ttl 2h ${BOBS} --out d.json`],
  ...['delegate verify --token d.json --public-key bob_public.key --delegator alice --delegate bob'],
];

async function prepare(w: Workspace): Promise<void> {
  await prepareGate(w);
  await record(w, runInput());
  await record(w, otherRun('run_other'));
  await w.ok('pack build run_demo --out run.zip');
  for (const command of [submit(), ask(), approve(), ask()])
    await w.jobs.execute('demo', { actor: 'alice' }, command);
  await w.ok('pack build --type job --from demo --out job.zip');
  await w.ok('job submit --id done');
  await w.ok('job cancel --id done');
}

type Said = Pick<Result, 'exit' | 'stdout' | 'stderr'>;

/** Runs the lines one after another, and puts everything back as it was. */
async function saidBy(w: Workspace, run: (line: string) => Promise<Said>): Promise<Said[]> {
  await cp(w.dir, `${w.dir}-kept`, { recursive: true });
  const said: Said[] = [];
  for (const line of [...READING, ...WRITING]) {
    const { exit, stdout, stderr } = await run(line);
    said.push({ exit, stdout, stderr });
  }
  await rm(w.dir, { recursive: true });
  await cp(`${w.dir}-kept`, w.dir, { recursive: true, preserveTimestamps: true });
  await rm(`${w.dir}-kept`, { recursive: true });
  return said;
}

/** What a command could leave in its process: files below the workspace that are still open, handlers, a directory. */
function leftInProcess(): unknown {
  const open = existsSync(FDS) ? readdirSync(FDS).map(targetOf) : [];
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit', 'uncaughtException'];
  return {
    files: open.filter((path) => path.includes('gait-cli-')),
    handlers: names.map((name) => process.listenerCount(name)),
    streams: [process.stdout, process.stderr].map((stream) => stream.listenerCount('error')),
    directory: process.cwd(),
  };
}

const FDS = '/proc/self/fd';

function targetOf(fd: string): string {
  try {
    return readlinkSync(`${FDS}/${fd}`).replace(' (deleted)', '');
  } catch {
    return ''; // the one by which they are listed
  }
}

/** Times, which are longer or shorter, and what is made of them or by chance; sizes, and spaces that fill up columns. */
function masked({ exit, stdout, stderr }: Said): Said {
  const mask = (text: string): string =>
    text
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z */g, '<time>')
      .replace(/\d{8}T\d{6}Z/g, '<time>')
      .replace(/(?<![0-9A-Za-z])[0-9a-f]{12,64}(?![0-9A-Za-z])/g, '<digest>')
      .replace(/\b\d{3,}\b/g, '<size>')
      .replace(/ {2,}/g, ' ');
  return { exit, stdout: mask(stdout), stderr: mask(stderr) };
}

describe('a command says the same in the process of a test and in one of its own', () => {
  let here: Said[] = [];
  let real: Said[] = [];
  let left: unknown[] = [];
  const shared = sharedWorkspace(async (w) => {
    await prepare(w);
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
    await runHere(w.dir, ['--help'], env); // oclif listens on the streams from when it is loaded
    const before = leftInProcess();
    here = await saidBy(w, (line) => runHere(w.dir, shellWords(line), env));
    left = [before, leftInProcess()];
    real = await saidBy(w, (line) => w.gait(line, { real: true }));
  });

  for (const [index, line] of READING.entries()) {
    test(`to the byte: ${line}`, () => {
      assert.ok(shared().dir !== '' && here[index] !== undefined);
      assert.deepEqual(here[index], real[index]);
    });
  }

  for (const [at, line] of WRITING.entries()) {
    test(`beside times and digests: ${line}`, () => {
      const [one, two] = [here, real].map((said) => said[READING.length + at]);
      assert.ok(one !== undefined && two !== undefined);
      assert.deepEqual(masked(one), masked(two));
    });
  }

  test('a command leaves no open file, no handler of signals and no other directory behind', () => {
    const [before, after] = left;
    assert.deepEqual(after, before);
  });

  test('every command is among them', () => {
    const lines = [...READING, ...WRITING];
    const left = Object.keys(TREE).filter((name) => !lines.some((line) => `${line} `.startsWith(`${name} `)));
    assert.deepEqual(left, []);
  });

  test('what they do is done, not only refused', () => {
    const done = here.slice(READING.length).filter(({ exit }) => exit === 0);
    assert.ok(done.length > WRITING.length / 2, `${done.length} of ${WRITING.length}`);
  });
});
