// Writes oclif.manifest.json from the commands of the bundle: what help is shown from.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './run.mjs';

const MANIFEST = join(ROOT, 'oclif.manifest.json');

/** The manifest that the built commands make, as text. */
export async function manifestText() {
  const { Plugin } = await import('@oclif/core');
  const plugin = new Plugin({ root: ROOT, type: 'core', ignoreManifest: true, errorOnManifestCreate: true });
  await plugin.load();
  return `${JSON.stringify(plugin.manifest, null, 2)}\n`;
}

export function committedManifest() {
  return readFileSync(MANIFEST, 'utf8');
}

export async function writeManifest() {
  writeFileSync(MANIFEST, await manifestText());
}
