import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { codesOf, historyOf, STORY } from '../support/pack.ts';
import fc from '../support/property.ts';
import * as runs from '../support/runs.ts';
import {
  EVENTS,
  type Files,
  filesOf,
  forge,
  jcs,
  LEDGER,
  MANIFEST,
  manifestFor,
  PAYLOAD,
  readDocument,
  STATE,
  sha256,
  withFile,
  without,
  zipFiles,
} from './forge.ts';

const PROOF = 'proof_records.jsonl';
const IN_RUNPACK: readonly string[] = [runs.RUN_MANIFEST, runs.RUN, runs.INTENTS, runs.RESULTS, runs.REFS];
/** docs/contracts/packspec_v1.md: the members of a type, beside the manifest. */
const OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  job: [EVENTS, LEDGER, PAYLOAD, STATE, PROOF],
  run: [runs.SOURCE, runs.RUN_PAYLOAD, runs.ENVELOPE, PROOF],
  runpack: IN_RUNPACK,
};
const EVERY = [...new Set([...Object.values(OF_TYPE).flat()])];

let job: Files;
before(async () => {
  job = filesOf(await historyOf(STORY));
});

/** A pack or runpack of a type that declares this member too. */
function holding(type: string, name: string): Buffer {
  if (type === 'job') return forge(withFile(job, name, '{}'));
  if (type === 'run') return forge(...asRun(withFile(runs.runPackFiles(), name, '{}')));
  return zipFiles(runs.resealed(withFile(runs.runpackFiles(), name, '{}')));
}

/** The same members, and the manifest of a run pack that declares them. */
function asRun(all: Files): [Files, Record<string, unknown>] {
  const { source_ref, pack_type } = readDocument(all, MANIFEST);
  const files = without(all, MANIFEST);
  return [files, manifestFor(files, { source_ref, pack_type })];
}

/** An evidence pack of these members. */
function evidenceOf(names: readonly string[]): Buffer {
  const files = new Map(names.map((name) => [name, Buffer.from('{}')] as const));
  const contents = names.map((path) => ({ path, sha256: sha256('{}').toString('hex'), type: 'evidence' }));
  const run_id = runs.RUN_ID;
  const manifest = {
    ...{ schema_id: 'gait.guard.pack_manifest', schema_version: '1.0.0', run_id, contents },
    ...{ created_at: runs.NOW, generated_at: runs.NOW, producer_version: '1.2.0' },
    ...{ pack_id: `pack_${sha256(jcs({ run_id, contents })).toString('hex').slice(0, 16)}` },
  };
  return zipFiles(withFile(files, MANIFEST, jcs(manifest)));
}

describe('M4: no member of another type stands in a pack', () => {
  for (const [type, own] of Object.entries(OF_TYPE)) {
    for (const name of EVERY.filter((one) => !own.includes(one))) {
      test(`${name} in a ${type}: member_of_no_type`, async () => {
        for (const spelt of [name, name.toUpperCase()])
          assert.ok((await codesOf(holding(type, spelt))).includes('member_of_no_type'), spelt);
      });
    }

    const rule =
      type === 'runpack' ? 'its digest is looked at, which is said; a strict reader wants none' : 'refused';
    test(`any other name in a ${type}: ${rule}`, () => {
      const part = fc.stringMatching(/^[a-z0-9_]{1,12}$/);
      const name = fc
        .tuple(part, fc.constantFrom('', '.json', '.jsonl', '/x.json'))
        .map((parts) => parts.join(''));
      const strange = name.filter(
        (one) => !EVERY.includes(one) && !/^(con|prn|aux|nul|com\d|lpt\d)/.test(one),
      );
      fc.assert(
        fc.property(strange, (one) => {
          const bytes = holding(type, one);
          const { verification } = runs.verifyInMemory(bytes);
          const found = verification.findings.map(({ code }) => code);
          const due = type === 'runpack' ? [[], [one]] : [['member_of_no_type'], undefined];
          assert.deepEqual([found, verification.unchecked_files], due);
          assert.deepEqual(runs.codesIn(bytes, { strict: true }), ['member_of_no_type']);
        }),
        { numRuns: 30 },
      );
    });
  }

  for (const name of EVERY) {
    test(`${name} in an evidence pack: member_of_no_type`, async () => {
      assert.deepEqual(await codesOf(evidenceOf(['trace_summary.json'])), []);
      const names = [name, 'trace_summary.json'].sort();
      assert.ok((await codesOf(evidenceOf(names))).includes('member_of_no_type'));
    });
  }
});
