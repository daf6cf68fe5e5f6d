// `npm run simulate`: 10,000 seeds of each simulation, in as many processes as there are cores: `disk`, workers and operators
// on a disk that loses power, and `runs`, runners, agents and persons on virtual time.
//   --only disk|runs   one of them
//   --seeds N          how many seeds
//   --from S           the first of them
//   --seed S [--trace] one seed; with its trace, line by line
import { spawn } from 'node:child_process';
import { cpSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { childEnv, ensureInstalled, ROOT, run, tool } from './run.mjs';

const LANES = {
  disk: join(ROOT, 'build/test/simulate/lane.js'),
  runs: join(ROOT, 'build/test/simulate/runs/lane.js'),
};

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

if (values.only !== undefined && !(values.only in LANES)) {
  console.error(`--only takes ${Object.keys(LANES).join(' or ')}, not ${values.only}`);
  process.exit(6);
}
await build();
if (values.trace) {
  const seed = wholeNumber('seed', values.seed ?? values.from);
  run(process.execPath, [LANES[values.only ?? 'disk'], 'trace', seed]);
} else {
  const from = Number(wholeNumber('from', values.seed ?? values.from));
  const seeds = values.seed === undefined ? Number(wholeNumber('seeds', values.seeds)) : 1;
  for (const name of Object.keys(LANES))
    if (name === (values.only ?? name)) await simulateAll(name, from, seeds);
}

async function build() {
  ensureInstalled();
  const { compileSchemas } = await import('./schemas.mjs');
  await compileSchemas();
  run(tool('tsc'), ['-p', 'tsconfig.json']);
  cpSync(join(ROOT, 'src/schema/generated'), join(ROOT, 'build/src/schema/generated'), { recursive: true });
}

function wholeNumber(name, text) {
  if (/^\d{1,9}$/.test(text)) return text;
  console.error(`--${name} takes a whole number, not ${text}`);
  process.exit(6);
}

async function simulateAll(name, from, seeds) {
  const started = performance.now();
  const total = {};
  const failures = [];
  let done = 0;
  const take = ({ seed, tally, failure }) => {
    done += 1;
    for (const [name, count] of Object.entries(tally)) total[name] = (total[name] ?? 0) + count;
    if (failure !== undefined) failures.push({ seed, ...failure });
    if (done % 500 === 0) console.error(`${name}: ${done} of ${seeds} seeds, ${failures.length} failed`);
  };
  const lanes = Math.min(availableParallelism(), seeds);
  const codes = await Promise.all(
    Array.from({ length: lanes }, (_, i) =>
      lane(LANES[name], [from + i, lanes, Math.ceil((seeds - i) / lanes)], take),
    ),
  );
  const seconds = (performance.now() - started) / 1000;
  console.log(`${name}: ${done} seeds in ${seconds.toFixed(1)} s on ${lanes} cores`);
  for (const [what, count] of Object.entries(total)) console.log(`${words(what).padEnd(24)} ${count}`);
  for (const { seed, step, message } of failures.sort((a, b) => a.seed - b.seed)) {
    console.log(`seed ${seed} failed at step ${step}: ${message}`);
    console.log(`  npm run simulate -- --only ${name} --seed ${seed} --trace`);
  }
  const incomplete = done !== seeds || codes.some((code) => code !== 0);
  if (incomplete) console.log(`only ${done} of ${seeds} seeds came to their end`);
  if (failures.length > 0 || incomplete) process.exitCode = 1;
}

/** One process and its seeds; answers its exit code. */
async function lane(file, args, take) {
  const child = spawn(process.execPath, [file, ...args.map(String)], {
    env: childEnv(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  for await (const line of createInterface({ input: child.stdout })) take(JSON.parse(line));
  return exited;
}

function words(name) {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
