// Ways to do a part of what gait does with a pack, each as a command line: what a person has at hand, and the least
// that any program would have to do.
import { spawnSync } from 'node:child_process';

/** Writes a file of results and digests it, reading JSON on the way: `node -e SCRIPT INPUT OUTPUT`. */
const RECORD = `
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const [input, output] = process.argv.slice(1);
const { intents, results } = JSON.parse(fs.readFileSync(input));
const line = (record) => {
  const content = JSON.stringify(record.args ?? record.result);
  return JSON.stringify({ ...record, digest: createHash('sha256').update(content).digest('hex') }) + '\\n';
};
const fd = fs.openSync(output, 'w');
fs.writeSync(fd, Buffer.concat([...intents, ...results].map((record) => Buffer.from(line(record)))));
fs.fsyncSync(fd);
`;

/** Reads a file in pieces and digests it once: `node -e SCRIPT INPUT`. */
const DIGEST = `
const hash = require('node:crypto').createHash('sha256');
const fs = require('node:fs');
const fd = fs.openSync(process.argv[1]);
const buffer = Buffer.allocUnsafeSlow(1 << 18);
for (let n = fs.readSync(fd, buffer); n > 0; n = fs.readSync(fd, buffer)) hash.update(buffer.subarray(0, n));
hash.digest('hex');
`;

/** Copies a file in pieces and syncs it: `node -e SCRIPT INPUT OUTPUT`. */
const COPY = `
const fs = require('node:fs');
const [from, to] = [fs.openSync(process.argv[1]), fs.openSync(process.argv[2], 'w')];
const buffer = Buffer.allocUnsafeSlow(1 << 18);
for (let n = fs.readSync(from, buffer); n > 0; n = fs.readSync(from, buffer)) fs.writeSync(to, buffer, 0, n);
fs.fsyncSync(to);
`;

/** Parses every line that a zip holds, and digests the file: `node -e SCRIPT INPUT`. */
const PARSE_LINES = `
const hash = require('node:crypto').createHash('sha256');
const fs = require('node:fs');
const fd = fs.openSync(process.argv[1]);
const buffer = Buffer.allocUnsafeSlow(1 << 18);
let rest = Buffer.alloc(0);
for (let n = fs.readSync(fd, buffer); n > 0; n = fs.readSync(fd, buffer)) {
  hash.update(buffer.subarray(0, n));
  const bytes = Buffer.concat([rest, buffer.subarray(0, n)]);
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    if (bytes[start] === 123) JSON.parse(bytes.toString('utf8', start, end));
    start = end + 1;
  }
  rest = bytes.subarray(start);
}
hash.digest('hex');
`;

const node = (script, ...args) => [process.execPath, '-e', script, ...args];

export const recordOf = (input, output) => node(RECORD, input, output);
export const digestOf = (input) => node(DIGEST, input);
export const copyOf = (input, output) => node(COPY, input, output);
export const parseLinesOf = (input) => node(PARSE_LINES, input);

/** What of the tools of a person is installed, and how they are called. A `name` of undefined: nothing is. */
export function zipTools() {
  const python = has('python3');
  const shell =
    (script) =>
    (...args) => ['sh', '-c', script, 'sh', ...args];
  const digest = has('sha256sum') ? 'sha256sum' : has('shasum') ? 'shasum -a 256' : undefined;
  if (digest === undefined) return { says: ['sha256sum is not installed: nothing to compare with'] };
  const says = ['zip', 'unzip'].filter((name) => !has(name)).map((name) => `${name} is not installed`);
  const create = has('zip')
    ? { name: 'zip -0', script: 'zip -0 -q "$2" "$1"' }
    : python && { name: 'zipfile of python3', script: `python3 -c "${PYTHON_CREATE}" "$1" "$2"` };
  const test = has('unzip')
    ? { name: 'unzip -t', script: 'unzip -tqq "$1"' }
    : python && { name: 'zipfile of python3', script: 'python3 -m zipfile -t "$1"' };
  return {
    says,
    build: create && {
      name: `${create.name}, sync, sha256sum`,
      command: shell(`${create.script} && sync "$2" && ${digest} "$2"`),
    },
    verify: test && {
      name: `${test.name}, sha256sum`,
      command: shell(`${test.script} && ${digest} "$1"`),
    },
  };
}

const PYTHON_CREATE = "import sys, zipfile; zipfile.ZipFile(sys.argv[2], 'w').write(sys.argv[1])";

function has(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}
