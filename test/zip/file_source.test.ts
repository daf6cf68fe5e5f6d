import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { describe, test } from 'node:test';
import { openContainer } from '../../src/zip/reader.ts';
import { zipFiles } from '../pack/forge.ts';
import { temporaryFile } from '../support/pack.ts';
import { gaitError } from '../support/refusals.ts';
import * as runs from '../support/runs.ts';

/** What somebody does to a file that is open. The times of a file tell it, which a test sets forward on purpose. */
const CHANGES: Readonly<Record<string, (path: string) => void>> = {
  'written into': (path) => {
    const fd = fs.openSync(path, 'r+');
    fs.writeSync(fd, 'x', 100);
    fs.futimesSync(fd, 1, 1);
    fs.closeSync(fd);
  },
  'appended to': (path) => fs.appendFileSync(path, 'x'),
  'cut short': (path) => fs.truncateSync(path, 10),
  emptied: (path) => fs.truncateSync(path, 0),
};

describe('the attack on the evidence, 15: what is shown was verified, and is read in a second pass', () => {
  for (const [what, change] of Object.entries(CHANGES)) {
    test(`a file that is ${what} while it is open: file_changed`, async () => {
      const file = temporaryFile(zipFiles(runs.runpackFiles()));
      try {
        const container = await openContainer(file.path);
        try {
          container.assertUnchanged();
          change(file.path);
          assert.throws(() => container.assertUnchanged(), gaitError('file_changed', 'verification_failed'));
        } finally {
          container.close();
        }
      } finally {
        file.dispose();
      }
    });
  }
});
