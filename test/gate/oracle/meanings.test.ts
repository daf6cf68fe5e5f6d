import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../../src/core/json.ts';
import { allowing, blocking, callOn, decide, KINDS, WORKSPACE } from './asking.ts';
import { browsed, HOST_PLACES } from './hosts.ts';
import { COMMANDS, PATH_PLACES } from './paths.ts';

/** The kinds under which this spelling is not blocked, for each way of denying the place. */
function gaps(value: string, denials: readonly (readonly [JsonObject, readonly JsonObject[]])[]): string[] {
  return denials.flatMap(([policy, switches]) =>
    KINDS.filter((kind) => decide({ policy, call: callOn(kind, value), switches }).verdict !== 'block').map(
      (kind) => `${kind}: ${JSON.stringify(switches.length > 0 ? switches : policy['rules'])}`,
    ),
  );
}

const ALL: JsonObject = { default_verdict: 'allow', rules: [] };

describe('what is denied in one spelling is denied in all: paths', () => {
  for (const { path, patterns, folder, spellings } of PATH_PLACES) {
    const denials: readonly (readonly [JsonObject, readonly JsonObject[]])[] = [
      ...patterns.map((pattern) => [allowing({ path_denylist: [pattern] }), []] as const),
      [blocking({ target_values: [path] }), []],
      [ALL, [{ target_value: path }]],
      [ALL, [{ path_prefixes: [folder] }]],
      [ALL, [{ path_prefixes: [path] }]],
    ];
    for (const [reader, texts] of Object.entries(spellings))
      for (const text of texts)
        test(`${path}, ${reader}: ${JSON.stringify(text)}`, () => assert.deepEqual(gaps(text, denials), []));
  }

  const policy = allowing({ path_denylist: ['/home/u/.ssh/**'] });
  for (const command of COMMANDS)
    test(`in a command: ${JSON.stringify(command)}`, () => {
      const call = callOn('other', command, { operation: 'exec' });
      assert.equal(decide({ policy, call }).verdict, 'block');
    });

  test('the table is right where a standard can tell: POSIX resolution', () => {
    for (const { path, spellings } of PATH_PLACES)
      for (const [reader, texts] of Object.entries(spellings))
        if (/POSIX|as written|from the workspace/.test(reader))
          for (const text of texts) {
            const resolved = posix.resolve(WORKSPACE, text);
            assert.equal(resolved, path, text);
          }
  });
});

describe('what is denied in one spelling is denied in all: hosts', () => {
  for (const { host, patterns, urls, others } of HOST_PLACES) {
    const denials: readonly (readonly [JsonObject, readonly JsonObject[]])[] = [
      ...patterns.map((pattern) => [allowing({ domain_denylist: [pattern] }), []] as const),
      [ALL, [{ target_value: host }]],
      [blocking({ target_values: [host] }), []],
    ];
    for (const text of [...urls, ...others])
      test(`${host}: ${JSON.stringify(text)}`, () => assert.deepEqual(gaps(text, denials), []));
  }

  test('the table is right where a standard can tell: WHATWG URL', () => {
    for (const { host, urls } of HOST_PLACES)
      for (const text of urls) assert.equal(browsed(text)?.hostname, host, JSON.stringify(text));
  });
});
