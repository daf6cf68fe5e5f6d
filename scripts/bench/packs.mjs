// Large packs, and runs to record: gait from cold, as a person calls it, beside its rivals.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childEnv, ROOT } from '../run.mjs';
import { copyOf, digestOf, parseLinesOf, recordOf, zipTools } from './rivals.mjs';
import { MIB, recordInput, writeRunpack } from './runpacks.mjs';
import { median, row } from './table.mjs';

const ROUNDS = 3;
const LARGE = 1024 * MIB;
const LINES = 256 * MIB;
/** The runpack, its pack, and what rivals write of them. */
const ROOM = 6 * LARGE;
const MIN_RATE = 300;
const MAX_MEMORY = 200;

/** Figures of packs and runs; what they need of the disk is in `dir`. */
export async function benchPacks(dir) {
  const { bavail, bsize } = statfsSync(dir);
  if (bavail * bsize < ROOM) {
    console.log(`no figures of large packs: they need ${ROOM / MIB} MiB of disk`);
    return;
  }
  const tools = zipTools();
  for (const text of tools.says) console.log(text);
  await benchLarge(dir, tools);
  await benchLines(dir);
  await benchRecord(dir);
}

/** Runs contestants in turn and answers what each took. */
function compete(dir, contestants, rounds = ROUNDS) {
  const results = contestants.map(() => ({ times: [], peaks: [] }));
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, { command, out }] of contestants.entries()) {
      if (command === undefined) continue;
      if (out !== undefined) rmSync(out, { force: true, recursive: true });
      const peakFile = join(dir, 'peak');
      const start = process.hrtime.bigint();
      const { status, stderr } = spawnSync(command[0], command.slice(1), {
        cwd: dir,
        env: childEnv({ GAIT_OUT_DIR: join(dir, 'out'), GAIT_PEAK_FILE: peakFile }),
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      results[i].times.push(Number(process.hrtime.bigint() - start) / 1e9);
      if (status !== 0) throw new Error(`${command.join(' ')}: exit ${status} ${stderr}`);
      if (command[1] === '--require') results[i].peaks.push(Number(readFileSync(peakFile, 'utf8')) / 1024);
    }
  }
  return results.map(({ times, peaks }) => ({ time: median(times), peak: Math.max(0, ...peaks) }));
}

function gait(...args) {
  const preload = join(ROOT, 'scripts', 'bench', 'peak.cjs');
  return [process.execPath, '--require', preload, join(ROOT, 'bundle', 'main.cjs'), ...args, '--json'];
}

const seconds = (time) => `${time.toFixed(2)} s`;
const rate = (bytes, { time }) => bytes / 1e6 / time;
const mbs = (bytes, result) => `${Math.round(rate(bytes, result))} MB/s`;

/** A figure against tools that may not be there. */
function against(what, ours, tool, theirs) {
  if (tool === undefined || tool === false) row(what, seconds(ours.time), 'not installed', undefined);
  else row(what, seconds(ours.time), `${tool.name} ${seconds(theirs.time)}`, ours.time / theirs.time);
}

async function benchLarge(dir, { build: zip, verify: unzip }) {
  const [source, pack, copy] = ['large.zip', 'pack.zip', 'copy.zip'].map((name) => join(dir, name));
  await writeRunpack(source, { attachment: LARGE });
  const building = gait('pack', 'build', source, '--out', pack);
  const [built, zipped, copied] = compete(dir, [
    { command: building, out: pack },
    { command: zip?.command?.(source, copy), out: copy },
    { command: copyOf(source, copy), out: copy },
  ]);
  rmSync(copy, { force: true });
  const [verified, unzipped, digested, runpack, differed] = compete(dir, [
    { command: gait('pack', 'verify', pack) },
    { command: unzip?.command?.(pack) },
    { command: digestOf(pack) },
    { command: gait('verify', source) },
    { command: gait('pack', 'diff', pack, pack) },
  ]);
  const size = statSync(pack).size;
  against('pack build, 1 GiB', built, zip, zipped);
  const speed = (what, ours, rival, theirs) => {
    const reached = rate(size, ours) >= MIN_RATE;
    const ratio = ours.time / theirs.time;
    row(what, mbs(size, ours), `${rival} ${mbs(size, theirs)}`, ratio, `≥ ${MIN_RATE} MB/s`, reached);
  };
  speed('the same', built, 'bare copy + fsync', copied);
  against('pack verify, 1 GiB', verified, unzip, unzipped);
  speed('the same', verified, 'bare read + sha256', digested);
  speed('verify its runpack', runpack, 'bare read + sha256', digested);
  // Both sides, one after the other.
  against('pack diff, 1 GiB each', differed, unzip, { time: 2 * unzipped.time });
  const peaks = { 'pack build': built, 'pack verify': verified, verify: runpack, 'pack diff': differed };
  for (const [what, { peak }] of Object.entries(peaks)) memory(`memory of ${what}, 1 GiB`, peak);
  for (const path of [source, pack]) rmSync(path);
}

function memory(what, peak) {
  row(what, `${Math.round(peak)} MiB`, '-', undefined, `≤ ${MAX_MEMORY} MiB`, peak <= MAX_MEMORY);
}

/** A pack whose bulk is JSON, every line of which has to be read. */
async function benchLines(dir) {
  const [source, pack] = ['lines.zip', 'lines.pack.zip'].map((name) => join(dir, name));
  await writeRunpack(source, { results: LINES });
  const [built, verified, differed, parsed] = compete(dir, [
    { command: gait('pack', 'build', source, '--out', pack), out: pack },
    { command: gait('pack', 'verify', pack) },
    { command: gait('pack', 'diff', pack, pack) },
    { command: parseLinesOf(pack) },
  ]);
  const size = statSync(pack).size;
  const rival = `JSON.parse + sha256 ${mbs(size, parsed)}`;
  row('pack build, 256 MiB of results', mbs(size, built), rival, built.time / parsed.time);
  row('pack verify of it', mbs(size, verified), rival, verified.time / parsed.time);
  row('pack diff, each side', mbs(2 * size, differed), rival, differed.time / 2 / parsed.time);
  memory('the most memory of these', Math.max(built.peak, verified.peak, differed.peak));
  for (const path of [source, pack]) rmSync(path);
}

async function benchRecord(dir) {
  const runs = [
    { what: 'run record, 4,000 intents', mode: 'reference', input: recordInput(4000, 300), rounds: 9 },
    { what: 'run record, 64 MB raw', mode: 'raw', input: recordInput(1000, 64 * 1024), rounds: ROUNDS },
  ];
  for (const { what, mode, input, rounds } of runs) {
    const [path, out] = [join(dir, 'run.json'), join(dir, 'recorded')];
    writeFileSync(path, JSON.stringify(input));
    const [ours, theirs] = compete(
      dir,
      [
        { command: gait('run', 'record', path, '--capture-mode', mode, '--out-dir', out), out },
        { command: recordOf(path, `${out}.jsonl`), out: `${out}.jsonl` },
      ],
      rounds,
    );
    const rival = `parse, digest, write, sync ${seconds(theirs.time)}`;
    row(what, `${seconds(ours.time)}, ${Math.round(ours.peak)} MiB`, rival, ours.time / theirs.time);
    rmSync(path);
  }
}
