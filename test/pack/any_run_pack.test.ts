import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sourceOf } from '../../src/files/source.ts';
import { readContainer, readMember } from '../../src/zip/reader.ts';
import { flipped } from '../support/keys.ts';
import fc from '../support/property.ts';
import * as runs from '../support/runs.ts';
import { saysTheSame } from '../support/says_the_same.ts';
import { MANIFEST, readText, withFile, without, zipFiles } from './forge.ts';

const { SOURCE, recorded, runpackFiles } = runs;
const PACK_ID = /(?<="pack_id":")[0-9A-Fa-f]{64}/;

describe('any run', () => {
  test('makes a pack that verifies and gives its runpack back, byte for byte', () => {
    const forms = fc.constantFrom(undefined, ...Object.values(runs.EARLIER_FORMS));
    fc.assert(
      fc.property(runs.runInputs(), forms, (input, form) => {
        const captured = recorded(input);
        const files = runpackFiles(captured);
        const runpack = form === undefined ? zipFiles(files) : runs.earlierZip(files, form);
        const pack = zipFiles(runs.runPackFiles(captured, { runpack }));
        assert.deepEqual(runs.verifyInMemory(pack).verification.findings, []);
        const container = readContainer(sourceOf(pack));
        const member = container.members.find(({ name }) => name === SOURCE);
        const { bytes } = readMember(container, member ?? assert.fail(), { keep: true });
        assert.ok(bytes?.equals(runpack));
      }),
    );
  });

  test('makes a pack of which nothing can be changed, dropped, added or renamed unseen', () => {
    const change = fc.record({
      which: fc.nat(),
      where: fc.nat(),
      how: fc.constantFrom('flip', 'drop', 'add', 'rename'),
    });
    fc.assert(
      fc.property(runs.runInputs(), change, (input, { which, where, how }) => {
        const files = runs.runPackFiles(recorded(input));
        const name = [...files.keys()][which % files.size] ?? '';
        const bytes = files.get(name) ?? Buffer.alloc(0);
        const flip = withFile(files, name, flipped(bytes, where % (bytes.length * 8)));
        const renamed = withFile(without(files, name), `${name}x`, bytes);
        const added = withFile(files, `x${where}`, bytes);
        const changed = { flip, drop: without(files, name), add: added, rename: renamed }[how] ?? files;
        const found = runs.codesIn(zipFiles(changed));
        assert.equal(found.length === 0, saysTheSame(files, changed, MANIFEST, 'pack_id'), found.join());
      }),
    );
  });

  test('makes a pack whose id says the same in either case', () => {
    fc.assert(
      fc.property(runs.runInputs(), (input) => {
        const files = runs.runPackFiles(recorded(input));
        const text = readText(files, MANIFEST).replace(PACK_ID, (id) => id.toUpperCase());
        const changed = withFile(files, MANIFEST, text);
        assert.ok(saysTheSame(files, changed, MANIFEST, 'pack_id'));
        assert.deepEqual(runs.codesIn(zipFiles(changed)), []);
      }),
      { numRuns: 20 },
    );
  });
});
