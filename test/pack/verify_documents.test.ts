import { describe } from 'node:test';
import { type Document, type Files, LEDGER, PAYLOAD, patched, readText, STATE, withFile } from './forge.ts';
import { type Forgery, refuses } from './forgeries.ts';

function document(name: string, member: string, finds: readonly string[], changes: Document): Forgery {
  return { name: `${member}: ${name}`, finds, files: (files) => patched(files, member, changes) };
}

function text(
  name: string,
  member: string,
  code: string,
  change: (text: string) => string | Buffer,
): Forgery {
  const files = (all: Files): Files => withFile(all, member, change(readText(all, member)));
  return { name: `${member}: ${name}`, finds: [code], files };
}

const DISAGREES = ['payload_disagrees', 'payload_differs'];
const FIRST_TWO = ['payload_disagrees', 'state_differs'];

const DOCUMENT_FORGERIES: readonly Forgery[] = [
  document('status', STATE, FIRST_TWO, { status: 'running' }),
  document('stop_reason', STATE, FIRST_TWO, { stop_reason: 'none' }),
  document('status_reason_code', STATE, FIRST_TWO, { status_reason_code: 'resumed' }),
  document('environment_fingerprint', STATE, FIRST_TWO, { environment_fingerprint: 'mine' }),
  document('created_at', STATE, FIRST_TWO, { created_at: '2026-02-13T00:00:00Z' }),
  document('job_id', STATE, FIRST_TWO, { job_id: 'other' }),
  document('checkpoints', STATE, FIRST_TWO, { checkpoints: [] }),
  document('approvals', STATE, FIRST_TWO, { approvals: [] }),
  document('updated_at', STATE, ['state_differs'], { updated_at: '2026-02-15T00:00:00Z' }),
  document('producer_version', STATE, ['state_differs'], { producer_version: '9' }),
  document('revision', STATE, ['state_differs'], { revision: 9 }),
  document('approver', STATE, ['state_differs'], {
    approvals: [{ actor: 'mallory', created_at: '2026-02-14T00:03:00.3Z', reason: 'the numbers are right' }],
  }),
  document('status', PAYLOAD, DISAGREES, { status: 'running' }),
  document('stop_reason', PAYLOAD, DISAGREES, { stop_reason: 'none' }),
  document('status_reason_code', PAYLOAD, DISAGREES, { status_reason_code: 'resumed' }),
  document('environment_fingerprint', PAYLOAD, DISAGREES, { environment_fingerprint: 'mine' }),
  document('created_at', PAYLOAD, DISAGREES, { created_at: '2026-02-13T00:00:00Z' }),
  document('job_id', PAYLOAD, DISAGREES, { job_id: 'other' }),
  document('checkpoint_count', PAYLOAD, DISAGREES, { checkpoint_count: 5 }),
  document('approval_count', PAYLOAD, DISAGREES, { approval_count: 0 }),
  document('size', LEDGER, ['ledger_differs'], { size: 9 }),
  document('head', LEDGER, ['ledger_differs'], { head: { revision: 8, hash: '0'.repeat(64) } }),
  document('revision of the head', LEDGER, ['ledger_differs'], {
    head: { revision: 7, hash: '0'.repeat(64) },
  }),
  document('merkle_root', LEDGER, ['ledger_differs'], { merkle_root: '0'.repeat(64) }),
  document('environment', LEDGER, ['ledger_differs'], {
    environment: { rules: ['os'], values: { os: 'x' } },
  }),
  document('no environment', LEDGER, ['ledger_differs'], { environment: null }),
  document('job_id', LEDGER, ['payload_disagrees'], { job_id: 'other' }),
  ...[LEDGER, PAYLOAD, STATE].flatMap((member) => [
    document('a member that is not known', member, ['schema_mismatch'], { mood: 'fine' }),
    document('another schema_id', member, ['schema_mismatch'], { schema_id: 'gait.other' }),
    document('another schema_version', member, ['schema_mismatch'], { schema_version: '2.0.0' }),
    document('without its job_id', member, ['schema_mismatch'], { job_id: undefined }),
    text('a second document', member, 'json_malformed', (json) => `${json}\n${json}`),
    text('a byte-order mark', member, 'json_malformed', (json) => `\ufeff${json}`),
    text('cut short', member, 'json_malformed', (json) => json.slice(0, -1)),
    text('empty', member, 'json_malformed', () => ''),
    text('bytes that are not UTF-8', member, 'utf8_malformed', () => Buffer.from([0x22, 0xff, 0x22])),
    text('a space before', member, 'json_not_canonical', (json) => ` ${json}`),
    text('a newline after', member, 'json_not_canonical', (json) => `${json}\n`),
    text('a member twice', member, 'json_not_canonical', (json) =>
      json.replace(/,("job_id":"[^"]*")/, ',$1,$1'),
    ),
    text('members out of order', member, 'json_not_canonical', (json) => `{"zz":1,${json.slice(1)}`),
    text('a number spelt otherwise', member, 'json_not_canonical', (json) =>
      json.replace(/:(\d+)([,}])/, ':$1.0$2'),
    ),
    text('an escape that is not needed', member, 'json_not_canonical', (json) =>
      json.replace('"1.0.0"', '"\\u0031.0.0"'),
    ),
    text('a lone surrogate', member, 'json_not_canonical', (json) => json.replace('"1.0.0"', '"\\ud800"')),
    text('nesting without end', member, 'json_not_canonical', () => '['.repeat(1e5) + ']'.repeat(1e5)),
    text('a list', member, 'schema_mismatch', () => '[]'),
  ]),
];

describe('forged documents', () => refuses(DOCUMENT_FORGERIES));
