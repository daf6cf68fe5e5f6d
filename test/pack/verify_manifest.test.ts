import { describe } from 'node:test';
import {
  type Document,
  EVENTS,
  type Files,
  jcs,
  manifestFor,
  PAYLOAD,
  STATE,
  withFile,
  without,
} from './forge.ts';
import { type Forgery, refuses } from './forgeries.ts';

function manifest(name: string, finds: readonly string[], changes: Document): Forgery {
  return { name, finds, manifest: (files) => manifestFor(files, changes) };
}

function manifestText(name: string, code: string, change: (text: string) => string): Forgery {
  return { name, finds: [code], manifest: (files) => Buffer.from(change(jcs(manifestFor(files)))) };
}

function declaring(
  name: string,
  finds: readonly string[],
  change: (entries: Document[]) => unknown,
): Forgery {
  const manifestOf = (files: Files): Document => {
    return manifestFor(files, { contents: change(manifestFor(files)['contents'] as Document[]) });
  };
  return { name, finds, manifest: manifestOf };
}

const NOT_MANIFEST = ['schema_mismatch'];

const MANIFEST_FORGERIES: readonly Forgery[] = [
  manifest('a pack_id of another manifest', ['pack_id_mismatch'], { pack_id: '0'.repeat(64) }),
  manifest('a member that is not known', NOT_MANIFEST, { mood: 'fine' }),
  manifest('another schema_id', NOT_MANIFEST, { schema_id: 'gait.guard.pack_manifest' }),
  manifest('another schema_version', NOT_MANIFEST, { schema_version: '1.0.1' }),
  manifest('a time with a fraction of nothing', NOT_MANIFEST, { created_at: '1980-01-01T00:00:00.000Z' }),
  manifest('a time with an offset', NOT_MANIFEST, { created_at: '1980-01-01T00:00:00+00:00' }),
  manifest('a time without zone', NOT_MANIFEST, { created_at: '1980-01-01T00:00:00' }),
  manifest('a time that no calendar has', ['not_a_time'], { created_at: '1980-02-30T25:61:61Z' }),
  manifest('a pack type that is not known', NOT_MANIFEST, { pack_type: 'call' }),
  manifest('no producer', NOT_MANIFEST, { producer_version: '' }),
  manifest('no source', NOT_MANIFEST, { source_ref: '' }),
  manifest('no contents', NOT_MANIFEST, { contents: null }),
  manifest('another source', Array(3).fill('payload_disagrees').concat('event_misplaced'), {
    source_ref: 'other',
  }),
  declaring('an entry without a digest', NOT_MANIFEST, ([first, ...rest]) => [
    { ...first, sha256: '' },
    ...rest,
  ]),
  declaring('an entry with a member that is not known', NOT_MANIFEST, ([first, ...rest]) => [
    ...[{ ...first, size: 1 }, ...rest],
  ]),
  declaring('a member declared twice', ['declared_twice'], ([first, ...rest]) => [first, first, ...rest]),
  declaring('a member that is not there', ['member_missing'], (entries) => [
    ...[...entries, { path: 'notes.txt', sha256: '0'.repeat(64), type: 'blob' }],
  ]),
  declaring('a member that is not declared', ['member_undeclared'], (entries) => entries.slice(0, -1)),
  manifestText('a second document', 'json_malformed', (json) => `${json}{}`),
  manifestText('a byte-order mark', 'json_malformed', (json) => `\ufeff${json}`),
  manifestText('a newline after', 'json_not_canonical', (json) => `${json}\n`),
  manifestText('a member twice', 'json_not_canonical', (json) => json.replace('{', '{"contents":[],')),
  manifestText('not canonical', 'json_not_canonical', (json) => JSON.stringify(JSON.parse(json), null, 2)),
  renaming(EVENTS, 'events.jsonl'),
  renaming(PAYLOAD, 'payload.json'),
  renaming(STATE, 'state.json'),
  dropping(EVENTS),
  dropping(PAYLOAD),
  dropping(STATE),
];

function renaming(from: string, to: string): Forgery {
  const renamed = (files: Files): Files => withFile(without(files, from), to, files.get(from) ?? '');
  return { name: `${from} renamed`, finds: ['member_missing'], files: renamed };
}

function dropping(name: string): Forgery {
  return { name: `${name} dropped`, finds: ['member_missing'], files: (files) => without(files, name) };
}

describe('forged manifests', () => refuses(MANIFEST_FORGERIES));
