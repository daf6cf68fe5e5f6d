// Runs the vectors of the PackSpec kit against any gait:
//   node tck/run.mjs                     the one built here
//   node tck/run.mjs --findings          it must also name what is wrong, by the codes of this gait
//   node tck/run.mjs -- /usr/bin/gait    another one; what stands after -- is the command
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TCK = fileURLToPath(new URL('.', import.meta.url));
const argv = process.argv.slice(2);
const separator = argv.indexOf('--');
const given = separator === -1 ? [] : argv.slice(separator + 1);
const [command, ...prefix] =
  given.length > 0 ? given : [process.execPath, join(TCK, '..', 'bundle', 'main.cjs')];
const wantsFindings = argv.slice(0, separator === -1 ? undefined : separator).includes('--findings');

/** Why a vector fails; undefined when it passes. */
function fault({ file, exit, finding, sha256, args = [] }) {
  const path = join(TCK, 'v1', file);
  const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
  if (digest !== sha256) return 'the file is not the one that the list names';
  const result = spawnSync(command, [...prefix, 'pack', 'verify', path, ...args.map(inKit), '--json'], {
    encoding: 'utf8',
  });
  if (result.error !== undefined) return String(result.error);
  if (result.status !== exit) return `exit ${result.status}, expected ${exit}`;
  const output = JSON.parse(result.stdout);
  if (output.ok !== (exit === 0)) return `ok is ${output.ok}`;
  const codes = (output.verify?.findings ?? []).map(({ code }) => code);
  if (wantsFindings && finding !== undefined && !codes.includes(finding))
    return `found ${codes}, expected ${finding}`;
  return undefined;
}

/** An argument that names a file of the kit. */
function inKit(argument) {
  return argument.startsWith('--') || !argument.includes('.') ? argument : join(TCK, 'v1', argument);
}

let failed = 0;
const vectors = JSON.parse(readFileSync(join(TCK, 'v1', 'vectors.json'), 'utf8'));
for (const vector of vectors) {
  const why = fault(vector);
  if (why !== undefined) failed += 1;
  console.log(
    `${why === undefined ? 'pass' : 'FAIL'}  ${vector.file}: ${vector.says}${why === undefined ? '' : `: ${why}`}`,
  );
}
console.log(`${vectors.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
