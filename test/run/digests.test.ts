import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Json, JsonObject } from '../../src/core/json.ts';
import type { Recorded } from '../../src/run/record.ts';
import { zipFiles } from '../pack/forge.ts';
import { jsonValue } from '../support/json.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';
import { digestOf } from '../support/run_inputs.ts';
import { codesIn, digits, recorded, runpackFiles } from '../support/runs.ts';

/** What an agent says of one call and its result: contents, what is digested in their place, and digests; each or none. */
interface Said {
  readonly own: JsonObject | null;
  readonly normalized: JsonObject | null;
  readonly stated: 'own' | 'normalized' | 'other' | null;
}

const object = fc.dictionary(fc.string({ maxLength: 3 }), jsonValue(), { maxKeys: 2 });
const said: fc.Arbitrary<Said> = fc
  .record({
    own: fc.option(object),
    normalized: fc.option(object),
    same: fc.boolean(),
    stated: fc.constantFrom('own', 'normalized', 'other', null),
  })
  .map(({ own, normalized, same, stated }) => {
    return { own, normalized: normalized !== null && same ? own : normalized, stated };
  });

function statedDigest({ own, normalized, stated }: Said): string | null {
  if (stated === null) return null;
  const of = { own, normalized, other: null }[stated];
  return of === null ? digits('a') : digestOf(of).toUpperCase();
}

function inputOf(args: Said, result: Said, capture_mode: string): Json {
  const [args_digest, result_digest] = [args, result].map(statedDigest);
  return {
    run: { run_id: 'r' },
    intents: [{ intent_id: 'i', tool_name: 't', args: args.own, args_digest: args_digest ?? null }],
    results: [{ intent_id: 'i', status: 'ok', result: result.own, result_digest: result_digest ?? null }],
    normalization: { intent_args: { i: args.normalized }, result_payloads: { i: result.normalized } },
    capture_mode,
  };
}

/** The run, or the code of why it is refused. */
function tried(input: Json, strict = false): Recorded | string {
  try {
    return recorded(input, { strict });
  } catch (error) {
    return (error as { code?: string }).code ?? assert.fail(String(error));
  }
}

/** All digests that are given or can be made of what is said. */
function allDigests(one: Said): string[] {
  const stated = statedDigest(one)?.toLowerCase();
  const made = [one.own, one.normalized].flatMap((value) => (value === null ? [] : [digestOf(value)]));
  return [...new Set([...made, ...(stated === undefined ? [] : [stated])])];
}

describe('M5: raw capture keeps no digest of something else', () => {
  test('than what lies beside it, whatever else is said of it', () => {
    fc.assert(
      fc.property(said, said, (args, result) => {
        const made = tried(inputOf(args, result, 'raw'));
        const counts = [args, result].map((one) => allDigests(one).length);
        if (counts.some((count) => count !== 1)) {
          assert.ok(made === 'digest_wrong' || made === 'record_invalid', JSON.stringify(made));
          return;
        }
        if (typeof made === 'string') return assert.fail(made);
        const [{ intents, results }] = [made];
        assert.deepEqual([intents[0]?.args_digest], allDigests(args));
        assert.deepEqual([results[0]?.result_digest], allDigests(result));
        for (const { args: kept, args_digest } of intents)
          if (kept !== undefined) assert.equal(args_digest, digestOf(kept));
        for (const { result: kept, result_digest } of results)
          if (kept !== undefined) assert.equal(result_digest, digestOf(kept));
      }),
      { numRuns: 1000 },
    );
  });

  test('also where it is of what was normalized', () => {
    const [own, normalized] = [{ command: 'rm -rf /' }, { command: 'ls' }];
    const none: Said = { own: {}, normalized: null, stated: null };
    const other: Said = { own, normalized, stated: null };
    for (const [args, result] of [
      [other, none],
      [none, other],
    ] as const) {
      const refused = gaitError('digest_wrong', 'invalid_input');
      assert.throws(() => recorded(inputOf(args, result, 'raw')), refused);
      assert.doesNotThrow(() => recorded(inputOf(args, result, 'reference')));
    }
  });
});

describe('F1: in reference capture a stated digest stays', () => {
  const unverified = ({ warnings }: Recorded): string[] => {
    return warnings.filter((warning) => warning.startsWith('digest_unverified: '));
  };

  test('and is told of where the content beside it makes another; strict profiles refuse it', () => {
    fc.assert(
      fc.property(said, said, (args, result) => {
        const input = inputOf(args, result, 'reference');
        const [made, careful] = [tried(input), tried(input, true)];
        const differs = ({ own, normalized, ...one }: Said): boolean => {
          const stated = statedDigest({ own, normalized, ...one })?.toLowerCase();
          return stated !== undefined && own !== null && normalized === null && stated !== digestOf(own);
        };
        const expected = [args, result].filter(differs).length;
        if (typeof made === 'string') return assert.equal(typeof careful, 'string');
        assert.equal(unverified(made).length, expected);
        assert.equal(careful === 'digest_wrong', expected > 0);
        const [stated] = [statedDigest(args)?.toLowerCase()];
        if (stated !== undefined) assert.equal(made.intents[0]?.args_digest, stated);
        assert.deepEqual(codesIn(zipFiles(runpackFiles(made))), []);
      }),
      { numRuns: 1000 },
    );
  });

  test('as in the captures that are kept for compatibility: one digit, 64 times, beside a content', () => {
    for (const digit of ['1', 'a']) {
      const [args_digest, result_digest] = [digits(digit), digits('2')];
      const input = {
        run: { run_id: 'r' },
        intents: [{ intent_id: 'i', tool_name: 'echo', args: { text: 'hi' }, args_digest }],
        results: [{ intent_id: 'i', status: 'ok', result: { done: true }, result_digest }],
      };
      const made = recorded(input);
      assert.equal(made.intents[0]?.args_digest, args_digest);
      assert.equal(made.results[0]?.result_digest, result_digest);
      assert.deepEqual(
        unverified(made).map((warning) => warning.split(':')[1]),
        [' intent i', ' result of i'],
      );
      assert.throws(() => recorded({ ...input, capture_mode: 'raw' }), gaitError('digest_wrong'));
    }
  });

  test('but one that is none is refused', () => {
    for (const args_digest of ['abc', `sha256:${digits('1')}`, digits('g')]) {
      const intents = [{ intent_id: 'i', tool_name: 't', args: {}, args_digest }];
      assert.throws(() => recorded({ run: { run_id: 'r' }, intents }), gaitError('digest_wrong'));
    }
  });
});
