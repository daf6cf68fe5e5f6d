import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { sharedWorkspace } from '../support/cli.ts';

/** Mistakes of the caller: exit 6, whatever the code is; never 1, and never done all the same. */
const MISTAKES: readonly (readonly [what: string, line: string])[] = [
  ['a fingerprint of a directory', 'job submit --id new --fingerprint-rule file:.'],
  ['an empty actor for a pack', "pack build --type job --from demo --out new.zip --actor ''"],
  [
    'an actor of 300 characters for a pack',
    `pack build --type job --from demo --out new.zip --actor ${'x'.repeat(300)}`,
  ],
  ['--at and --follow at once', 'job log --id demo --at 1 --follow'],
  ['an empty fingerprint', "job submit --id new --env-fingerprint ''"],
  ['a fingerprint of 600 characters', `job submit --id new --env-fingerprint ${'x'.repeat(600)}`],
  ['a rule of 2,000 characters', `job submit --id new --fingerprint-rule file:${'x'.repeat(2000)}`],
  ['an empty source of a pack', "pack build --type job --from ''"],
  ['an empty name of a pack', "pack build --type job --from demo --out ''"],
  ['a pack of an empty name', "pack verify ''"],
];

describe('a mistake of the caller', () => {
  const shared = sharedWorkspace(async (w) => {
    await w.ok('job submit --id demo');
  });

  for (const [what, line] of MISTAKES) {
    test(`${what} is invalid input, and nothing is done`, async () => {
      const w = shared();
      const before = await w.everything();
      const { exit, stdout, stderr } = await w.gait(`${line} --json`);
      assert.equal(exit, 6, stdout + stderr);
      await w.unchanged(before);
    });
  }

  test('a word that is no UTF-8 is refused: another file may be called what Node makes of it', async () => {
    const w = shared();
    for (const shell of [
      `set -- "$@" --json -- rm "$(printf 'data\\377')"`,
      `set -- "$@" --json --fingerprint-rule "file:$(printf 'x\\377')"`,
    ]) {
      const { exit, stdout } = await w.gait('job submit --id bytes', { shell });
      assert.equal(exit, 6);
      assert.match(stdout, /argument_not_text/);
    }
    const odd = `mkdir "$(printf 'd\\377')" && cd "$(printf 'd\\377')"`;
    const { exit, stdout } = await w.gait('job submit --id bytes --json -- true', { shell: odd });
    assert.equal(exit, 6);
    assert.match(stdout, /folder_not_text/);
  });

  test('a topic with an unknown flag is not called an unknown command', async () => {
    for (const line of ['job --nonsense', 'pack --verify x']) {
      const { exit, stderr } = await shared().gait(line);
      assert.equal(exit, 6);
      assert.match(stderr, /--(nonsense|verify)/, `${line}: ${stderr}`);
    }
  });
});

describe('a standard output that takes nothing', () => {
  const shared = sharedWorkspace(async (w) => {
    await w.ok('job submit --id demo');
  });

  test('is a failure that is told in a line, without a stack', async (t) => {
    const full = await open('/dev/full', 'w').catch(() => undefined);
    if (full === undefined) return t.skip('there is no /dev/full');
    await full.close();
    const { exit, stderr } = await shared().gait('job status --id demo', { shell: 'exec >/dev/full' });
    assert.equal(exit, 1);
    assert.match(stderr, /^error: /);
    assert.doesNotMatch(stderr, /\n +at /, 'no stack');
  });

  test('because its reader has gone is no failure', async () => {
    const { child, done } = shared().start('job log --id demo');
    child.stdout?.destroy();
    const { exit, stderr } = await done;
    assert.deepEqual({ exit, stderr }, { exit: 0, stderr: '' });
  });
});

describe('text of others', () => {
  const shared = sharedWorkspace(async (w) => {
    await w.ok(['job', 'submit', '--id', 'demo', '--actor', 'mal\u001b[31mlory', '--reason', 'a\nb\u202e']);
    await w.ok(['job', 'checkpoint', 'add', '--id', 'demo', '--summary', 'one\u001b]0;x\u0007two\r']);
    await w.ok('pack build --type job --from demo --out demo.zip');
  });

  const COMMANDS = [
    'job status',
    'job log',
    'job inspect',
    'job checkpoint list',
    'job checkpoint show --checkpoint cp_0001',
  ];
  for (const command of [
    ...COMMANDS.map((name) => `${name} --id demo`),
    'job list',
    'pack inspect demo.zip',
  ]) {
    test(`is shown and not obeyed by the terminal: ${command}`, async () => {
      const text = await shared().text(command);
      assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
      assert.match(text, /one\\u\{1b\}/);
    });
  }

  test('is the same text for a script', async () => {
    const { events } = await shared().ok('job log --id demo');
    assert.equal(events?.[0]?.actor, 'mal\u001b[31mlory');
    const { checkpoint } = await shared().ok('job checkpoint show --id demo --checkpoint cp_0001');
    assert.equal(checkpoint?.summary, 'one\u001b]0;x\u0007two', 'without the space around it');
  });
});
