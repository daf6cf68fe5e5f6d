import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TREE } from '../../src/tree.ts';
import { ROOT, sharedWorkspace } from '../support/cli.ts';
import { runShell } from '../support/shell.ts';

describe('gait as an oclif CLI', () => {
  const shared = sharedWorkspace(async () => {});
  const real = (line: string, more = {}) =>
    shared().gait(line, { real: true, env: { HOME: shared().dir, ...more } });

  test('commands --json lists every command, as its plugin does for any CLI', async () => {
    // Its JSON is a list on many lines, as oclif has it.
    const stdout = await runShell(`"${process.execPath}" bundle/main.cjs commands --json`, ROOT);
    const ids = (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id.replaceAll(':', ' '));
    assert.deepEqual(
      Object.keys(TREE).filter((name) => !ids.includes(name)),
      [],
    );
    assert.ok(ids.includes('autocomplete') && ids.includes('commands'));
  });

  test('autocomplete tells how each shell is set up, and makes what completes commands and flags', async () => {
    for (const shell of ['bash', 'zsh', 'powershell']) {
      const { exit, stdout, stderr } = await real(`autocomplete ${shell}`);
      assert.deepEqual([exit, /autocomplete/i.test(stdout)], [0, true], stderr);
    }
    const { stdout } = await real('autocomplete script bash');
    assert.match(stdout, /GAIT_AC_BASH_SETUP_PATH=.*bash_setup/);
    const line = [
      'GAIT_AC_BASH_SETUP_PATH=$(find . -name bash_setup | head -1)',
      '. "$GAIT_AC_BASH_SETUP_PATH"',
      'COMP_WORDS=(gait job sub) COMP_CWORD=2',
      '_gait_autocomplete',
      'echo "words: $COMPREPLY"',
      'COMP_WORDS=(gait job submit --if) COMP_CWORD=3',
      '_gait_autocomplete',
      'echo "flags: $COMPREPLY"',
    ].join('\n');
    const done = await shared().gait('version', { shell: `bash -c '${line}'; true` });
    assert.match(done.stdout, /words: submit\n/);
    assert.match(done.stdout, /flags: --if-absent/);
  });

  test('a mistake is told as every other', async () => {
    const { exit, stderr } = await real('commands --odd');
    assert.equal(exit, 6);
    assert.match(stderr, /Nonexistent flag: --odd.*\[arguments_invalid, exit 6\]/);
  });

  test('what stands behind -- is in usage and help', async () => {
    for (const command of ['job run', 'job submit']) {
      const { stdout } = await real(`${command} --help`);
      assert.match(stdout, /\[-- COMMAND\.\.\.\]/);
      assert.match(stdout, /-- COMMAND\.\.\. {2}\S/);
    }
  });
});
