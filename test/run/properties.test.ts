import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Json } from '../../src/core/json.ts';
import { sourceOf } from '../../src/files/source.ts';
import { type DiffSide, differs, diffRuns, type Privacy } from '../../src/run/diff.ts';
import type { CapturedRun, Result, RunIntent } from '../../src/run/documents.ts';
import { PREDICATES, reduceRun } from '../../src/run/reduce.ts';
import { buildRunpack } from '../../src/run/runpack.ts';
import { verifyRunpack } from '../../src/run/verify.ts';
import { readContainer, readMember } from '../../src/zip/reader.ts';
import { zipOf } from '../../src/zip/writer.ts';
import { type Files, withFile, without, zipFiles } from '../pack/forge.ts';
import { flipped } from '../support/keys.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';
import {
  codesIn,
  EARLIER_FORMS,
  earlierZip,
  recorded,
  runInputs,
  runpackFiles,
  tinyRun,
} from '../support/runs.ts';
import { saysTheSame } from '../support/says_the_same.ts';
import { sized } from '../support/sized.ts';

/** What is read of a runpack; it must verify. */
function readBack(bytes: Buffer): CapturedRun {
  const [intents, results]: [RunIntent[], Result[]] = [[], []];
  const visit = {
    intent: (intent: RunIntent): void => void intents.push(intent),
    result: (result: Result): void => void results.push(result),
  };
  const { verification, manifest, facts } = verifyRunpack(readContainer(sourceOf(bytes)), { visit });
  assert.deepEqual(verification.findings, []);
  assert.ok(manifest !== undefined && facts !== undefined);
  assert.deepEqual([facts.intents, facts.results], [intents.length, results.length]);
  return { captureMode: manifest.capture_mode, run: facts.run, intents, results, refs: facts.refs };
}

function withoutWarnings({ captureMode, run, intents, results, refs }: CapturedRun): CapturedRun {
  return { captureMode, run, intents, results, refs };
}

describe('any run that is recorded', () => {
  test('makes a runpack that verifies, and reads back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(runInputs(), async (input) => {
        const captured = recorded(input);
        const bytes = await zipOf(buildRunpack(captured).members);
        assert.deepEqual(readBack(bytes), withoutWarnings(captured));
        assert.ok(bytes.equals(zipFiles(runpackFiles(captured))), 'differs from an independent writer');
        assert.deepEqual(codesIn(earlierZip(runpackFiles(captured))), []);
      }),
      { numRuns: 100 },
    );
  });

  test('recorded again from what it says, is the same', () => {
    fc.assert(
      fc.property(runInputs(), (input) => {
        const captured = withoutWarnings(recorded(input));
        const { captureMode, ...documents } = captured;
        const again = { ...documents, capture_mode: captureMode } as unknown as Json;
        assert.deepEqual(withoutWarnings(recorded(again)), captured);
      }),
      { numRuns: 100 },
    );
  });

  test('in reference capture, is what it is in raw capture without the contents', () => {
    fc.assert(
      fc.property(runInputs(), (input) => {
        const raw = recorded(input, { captureMode: 'raw' });
        const { intents, results } = recorded(input, { captureMode: 'reference' });
        assert.deepEqual(
          intents,
          raw.intents.map(({ args: _, ...intent }) => intent),
        );
        assert.deepEqual(
          results,
          raw.results.map(({ result: _, ...result }) => result),
        );
      }),
    );
  });

  test('whose runpack has a member changed, dropped, added or renamed, does not verify', () => {
    const tampered = fc.tuple(
      fc.nat(),
      fc.nat(),
      fc.constantFrom('flip', 'cut', 'grow', 'drop', 'add', 'rename', 'swap'),
    );
    fc.assert(
      fc.property(runInputs(), tampered, (input, [which, where, how]) => {
        const files = runpackFiles(recorded(input));
        const changed = tamper(files, which, where, how);
        const same = saysTheSame(files, changed, 'manifest.json', 'manifest_digest');
        assert.equal(codesIn(zipFiles(changed)).length === 0, same, how);
      }),
      { numRuns: 150 },
    );
  });

  test('with arguments larger than any reader takes is refused, not made into what does not verify', () => {
    const args = { a: 'x'.repeat(10 * 1024 * 1024) };
    const input = { run: { run_id: 'r' }, intents: [{ intent_id: 'i', tool_name: 't', args }] };
    const kept = recorded(input, { captureMode: 'reference' });
    assert.deepEqual(codesIn(zipFiles(runpackFiles(kept))), [], 'their digest alone is no trouble');
    assert.throws(
      () => runpackFiles(recorded(input, { captureMode: 'raw' })),
      gaitError('record_invalid', 'invalid_input'),
    );
  });

  test('is reduced to one that verifies and fails in the same way', () => {
    fc.assert(
      fc.property(runInputs(), fc.constantFrom(...PREDICATES), (input, predicate) => {
        const captured = recorded(input);
        const states = captured.intents.map(
          ({ intent_id }) => captured.results.find((one) => one.intent_id === intent_id)?.status,
        );
        const fails = states.map((status) =>
          predicate === 'missing_result' ? status === undefined : status !== undefined && status !== 'ok',
        );
        if (!fails.includes(true)) {
          assert.throws(
            () => reduceRun(captured, predicate),
            gaitError('predicate_not_met', 'invalid_input'),
          );
          return;
        }
        const { captured: reduced, report } = reduceRun(captured, predicate);
        assert.equal(report.selected_intent_id, captured.intents[fails.indexOf(true)]?.intent_id);
        assert.deepEqual([report.still_failing, report.reduced_intent_count], [true, 1]);
        assert.deepEqual(readBack(zipFiles(runpackFiles(reduced))), reduced);
      }),
    );
  });
});

/** The same object when nothing would be changed. */
function tamper(files: Files, which: number, where: number, how: string): Files {
  const names = [...files.keys()];
  const name = names[which % names.length] ?? '';
  const other = names[(which + 1) % names.length] ?? '';
  const bytes = files.get(name) ?? Buffer.alloc(0);
  const empty = bytes.length === 0;
  switch (how) {
    case 'flip':
      return empty ? files : withFile(files, name, flipped(bytes, where % (bytes.length * 8)));
    case 'cut':
      return empty ? files : withFile(files, name, bytes.subarray(0, where % bytes.length));
    case 'grow':
      return withFile(files, name, Buffer.concat([bytes, Buffer.of(where % 256)]));
    case 'drop':
      return without(files, name);
    case 'add':
      return withFile(files, `x${where}`, bytes);
    case 'rename':
      return withFile(without(files, name), `${name}x`, bytes);
    default: {
      const swapped = files.get(other) ?? bytes;
      return bytes.equals(swapped) ? files : withFile(withFile(files, name, swapped), other, bytes);
    }
  }
}

describe('any two runs compared', () => {
  const sideOf = (input: Json): DiffSide => {
    const captured = recorded(input);
    return { ...captured, manifest: buildRunpack(captured).manifest };
  };
  const pairs = fc.tuple(runInputs(), runInputs(), fc.boolean()).map(([a, b, mixed]) => {
    // Alike but in part, so that there is something to compare.
    return [a, mixed ? { ...a, results: a.results.slice(1), refs: { receipts: [] } } : b].map(sideOf) as [
      DiffSide,
      DiffSide,
    ];
  });
  const privacies = fc.constantFrom<Privacy>('full', 'metadata');

  test('differ in the same whichever is left', () => {
    fc.assert(
      fc.property(pairs, privacies, ([left, right], privacy) => {
        const there = diffRuns(left, right, privacy);
        const back = diffRuns(right, left, privacy);
        assert.deepEqual(diffRuns(left, right, privacy), there, 'stable');
        assert.equal(differs(back), differs(there));
        const swap = (key: string): string => {
          return key.replace(/left|right/, (word) => (word === 'left' ? 'right' : 'left'));
        };
        const swapped = Object.fromEntries(Object.entries(back).map(([key, value]) => [swap(key), value]));
        assert.deepEqual(swapped, there);
      }),
    );
  });

  test('are the same if they are one run, under whatever id, time and producer', () => {
    fc.assert(
      fc.property(runInputs(), privacies, (input, privacy) => {
        const intents = input.intents.map(({ created_at: _, ...intent }) => intent);
        const run = { ...input.run, created_at: '2020-01-01T00:00:00Z', producer_version: 'other' };
        const right = sideOf({ ...input, run: { ...run, run_id: 'other' }, intents });
        const diff = diffRuns(sideOf(input), right, privacy);
        assert.equal(differs(diff), false, JSON.stringify(diff));
        assert.equal(Object.keys(diff).length, 7, 'no lists');
      }),
    );
  });
});

describe('a small runpack', () => {
  const files = runpackFiles(tinyRun());
  const forms = Object.entries(EARLIER_FORMS).map(([name, form]) => [name, earlierZip(files, form)] as const);
  for (const [how, bytes] of [['as we write it', zipFiles(files)] as const, ...forms.slice(0, 1)]) {
    test(`${how}, with any one bit flipped: is found, or is nothing but another way to deflate the same`, (t) => {
      const sound = readContainer(sourceOf(bytes));
      const packed = sound.members.filter(({ deflated }) => deflated);
      const unfound: number[] = [];
      for (let bit = 0; bit < bytes.length * 8; bit += sized(1, 5)) {
        const container = readContainer(sourceOf(flipped(bytes, bit)));
        if (container.findings.length > 0) continue; // every verification tells of them
        if (verifyRunpack(container).verification.findings.length > 0) continue;
        unfound.push(bit);
        const inside = packed.some(
          ({ dataOffset, packedSize }) => bit >> 3 >= dataOffset && bit >> 3 < dataOffset + packedSize,
        );
        assert.ok(inside, `bit ${bit} is not of a deflated stream`);
        for (const member of container.members) {
          const { bytes: content } = readMember(container, member, { keep: true });
          assert.deepEqual(content, files.get(member.name), `bit ${bit} changed ${member.name}`);
        }
      }
      t.diagnostic(
        `${bytes.length * 8 - unfound.length} of ${bytes.length * 8} flips found; same content after: ${unfound.join()}`,
      );
      assert.ok(unfound.length <= 16 * packed.length, 'hardly more than the bits that pad blocks to a byte');
    });
  }
});
