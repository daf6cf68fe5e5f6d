// `npm run quickstart`: installs what is missing, builds, and takes one real job from submit to a verified pack.
// Everything it does is done through the gait command, and printed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { buildAll } from './build.mjs';
import { childEnv, ROOT } from './run.mjs';
import { schemaFiles } from './schemas.mjs';

const OUT = join('gait-out', 'quickstart');

function say(text) {
  console.log(`\n${text}`);
}

/** Runs gait, prints the command line and what came out; ends the script when the exit code is another than expected. */
function gait(args, { exit = 0 } = {}) {
  console.log(`$ gait ${args.map((arg) => (/^[\w./:=-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ')}`);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, 'bundle', 'main.cjs'), ...args],
    {
      cwd: ROOT,
      env: childEnv({ GAIT_OUT_DIR: OUT }),
      encoding: 'utf8',
    },
  );
  process.stdout.write(stdout.replace(/^/gm, '  ').replace(/ +$/, ''));
  process.stdout.write(stderr.replace(/^/gm, '  ').replace(/ +$/, ''));
  if (status === exit) return stdout;
  console.error(`expected exit ${exit}, got ${status}`);
  process.exit(1);
}

/** The work of the job: the digest of every schema that gait publishes. */
function digestSchemas() {
  return schemaFiles().map((file) => {
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
    return `${digest}  ${relative(ROOT, file)}`;
  });
}

await buildAll();
rmSync(join(ROOT, OUT), { recursive: true, force: true });

say(
  'An agent is given a job: digest every schema that gait publishes. It is durable from the first event on.',
);
gait(['job', 'submit', '--id', 'schemas', '--actor', 'agent', '--reason', 'digest the published schemas']);
const digests = digestSchemas();
const summary = `${digests.length} schemas digested`;
gait(['job', 'checkpoint', 'add', '--id', 'schemas', '--actor', 'agent', '--summary', summary]);

say('It must not publish by itself: it asks a person, and stops.');
const action = 'publish these digests?';
const ask = ['--type', 'decision-needed', '--summary', 'ready to publish', '--required-action', action];
gait(['job', 'checkpoint', 'add', '--id', 'schemas', '--actor', 'agent', ...ask]);
say('Going on without an answer is refused, with its own exit code.');
gait(['job', 'resume', '--id', 'schemas', '--actor', 'agent'], { exit: 4 });

say('A person pauses it, looks, approves, and lets it go on.');
gait(['job', 'pause', '--id', 'schemas', '--actor', 'alice', '--reason', 'looking at the digests']);
gait(['job', 'approve', '--id', 'schemas', '--actor', 'alice', '--reason', 'compared with the last release']);
gait(['job', 'resume', '--id', 'schemas', '--actor', 'alice']);
writeFileSync(join(ROOT, OUT, 'digests.txt'), `${digests.join('\n')}\n`);
const done = ['--type', 'completed', '--summary', `published ${digests.length} digests`];
gait(['job', 'checkpoint', 'add', '--id', 'schemas', '--actor', 'agent', ...done]);

say('What happened, from the log, which is the only truth there is:');
gait(['job', 'log', '--id', 'schemas']);
gait(['job', 'verify', '--id', 'schemas']);

say('A pack of it can be checked by anyone, with no network and nothing but the file:');
const pack = join(OUT, 'schemas.zip');
gait(['pack', 'build', '--type', 'job', '--from', 'schemas', '--out', pack]);
gait(['pack', 'verify', pack]);

say('And when one letter of it is changed:');
const forged = join(OUT, 'forged.zip');
copyFileSync(join(ROOT, pack), join(ROOT, forged));
const bytes = readFileSync(join(ROOT, forged));
bytes.write('mallo', bytes.indexOf('alice'));
writeFileSync(join(ROOT, forged), bytes);
gait(['pack', 'verify', forged], { exit: 2 });

say(`Done. The job, its log and both packs are in ${OUT}.`);
