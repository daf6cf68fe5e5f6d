// A root with very many jobs: what `gait job list` takes, from cold, as a person calls it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decide } from '../../dist/job/decide.js';
import { claimOf } from '../../dist/job/fingerprint.js';
import { seal } from '../../dist/log/record.js';
import { childEnv, ROOT } from '../run.mjs';
import { median, row } from './table.mjs';

const JOBS = 100_000;
const ROUNDS = 5;
const FIRST_ROUNDS = 3;
const MAX_SECONDS = 1;
/** Younger logs are kept in no cache. */
const SETTLED_MS = 2500;

/** Looks at every log and reads none: `node -e SCRIPT ROOT`. */
const STAT_LOOP = `
const fs = require('node:fs');
const [root] = process.argv.slice(1);
let bytes = 0;
for (const name of fs.readdirSync(root)) {
  if (name.startsWith('.')) continue;
  bytes += fs.statSync(root + '/' + name + '/log.ndjson').size;
}
`;

/** Reads every log, parses every line and checks no hash: `node -e SCRIPT ROOT`. */
const PARSE_LOOP = `
const fs = require('node:fs');
const [root] = process.argv.slice(1);
let events = 0;
for (const name of fs.readdirSync(root)) {
  if (name.startsWith('.')) continue;
  for (const line of fs.readFileSync(root + '/' + name + '/log.ndjson', 'utf8').split('\\n')) {
    if (line !== '') events += JSON.parse(line).event.revision;
  }
}
`;

const node = (script, ...args) => [process.execPath, '-e', script, ...args];

/** What listing 100,000 jobs takes, the first time and when no log has changed since. */
export async function benchManyJobs(dir) {
  const root = join(dir, 'many');
  writeJobs(root);
  await sleep(SETTLED_MS);
  const cache = join(root, '.listing.json');
  const list = (...args) => [
    process.execPath,
    join(ROOT, 'bundle', 'main.cjs'),
    'job',
    'list',
    '--root',
    root,
    ...args,
  ];
  const [first, parsed] = compete(FIRST_ROUNDS, [list(), node(PARSE_LOOP, root)], () =>
    rmSync(cache, { force: true }),
  );
  seconds(list()); // makes the cache
  const [text, json, stat, names] = compete(ROUNDS, [
    list(),
    list('--json'),
    node(STAT_LOOP, root),
    ['ls', '-f', root],
  ]);
  const reached = (time) => ['≤ 1 s', time <= MAX_SECONDS];
  row('job list, 100,000 jobs', show(text), `readdir + stat ${show(stat)}`, text / stat, ...reached(text));
  row('the same, --json', show(json), `readdir + stat ${show(stat)}`, json / stat, ...reached(json));
  row('the same', show(text), `ls -f ${show(names)}`, text / names);
  row('the first time, no cache', show(first), `read + JSON.parse ${show(parsed)}`, first / parsed);
  rmSync(root, { recursive: true });
}

const show = (time) => `${time.toFixed(2)} s`;

/** Runs commands in turn and answers the median of the seconds of each. */
function compete(rounds, commands, before = () => {}) {
  const times = commands.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, command] of commands.entries()) {
      before();
      times[i].push(seconds(command));
    }
  }
  return times.map(median);
}

function seconds([command, ...args]) {
  const start = process.hrtime.bigint();
  const { status } = spawnSync(command, args, { env: childEnv(), stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${status}`);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/** The logs as `gait job submit … -- true` would leave them, without waiting for the disk. */
function writeJobs(root) {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const claim = claimOf({
    rules: ['arch', 'os', 'runtime'],
    values: { arch: 'x64', os: 'linux', runtime: 'node20' },
  });
  const task = { argv: ['true'], cwd: '/', pass_env: [] };
  const command = { kind: 'submit', claim, producerVersion: '0', task };
  for (let i = 0; i < JOBS; i += 1) {
    const jobId = `job_${String(i).padStart(6, '0')}`;
    const context = { jobId, actor: 'bench', now: '2026-01-01T00:00:00.001Z' };
    const [record] = seal(jobId, 'job_id', 'none', decide(undefined, command, context).events).records;
    mkdirSync(join(root, jobId), { mode: 0o700 });
    writeFileSync(join(root, jobId, 'log.ndjson'), record.line, { mode: 0o600 });
  }
}
