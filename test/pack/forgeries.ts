import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../../src/core/report.ts';
import { assertConforms, historyOf, STORY, verifyBytes } from '../support/pack.ts';
import { type Document, type Files, filesOf, forge, manifestFor } from './forge.ts';

/** What a forger does to the members of a pack; the manifest is made anew to fit, unless one is given. */
export interface Forgery {
  readonly name: string;
  /** The codes of all that verification finds, in this order. */
  readonly finds: readonly string[];
  readonly files?: (files: Files) => Files;
  /** The manifest over the forged members, as a document or as its very bytes. */
  readonly manifest?: (files: Files) => Document | Buffer;
}

/** A test for each: what it changes is found, and every finding says where. */
export function refuses(forgeries: readonly Forgery[]): void {
  for (const forgery of forgeries) {
    test(`${forgery.name}: ${forgery.finds.join(', ')}`, async () => {
      const findings = await findingsOf(forgery);
      assert.deepEqual(
        findings.map(({ code }) => code),
        forgery.finds,
        JSON.stringify(findings),
      );
    });
  }
}

async function findingsOf({ files, manifest = manifestFor }: Forgery): Promise<readonly Finding[]> {
  const original = filesOf(await historyOf(STORY));
  const forged = files === undefined ? original : files(original);
  const { verification } = await verifyBytes(forge(forged, manifest(forged)));
  assertConforms('verify', verification);
  for (const { member, layer, message } of verification.findings) {
    assert.ok(member !== undefined, `${message}: does not say where`);
    assert.ok(layer === 'manifest' || layer === 'payload', message);
  }
  return verification.findings;
}
