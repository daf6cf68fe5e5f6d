import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { JsonObject } from '../../src/core/json.ts';
import { readMember } from '../../src/zip/reader.ts';
import { type Document, type Files, jcs, sha256 } from '../pack/forge.ts';
import type { Workspace } from './cli.ts';
import { withContainer } from './pack.ts';

export const SECRET = 'hunter2-hunter2';

/** A kind of run input that tests take apart. */
export interface RunInput extends JsonObject {
  readonly run: JsonObject;
  readonly intents: readonly JsonObject[];
  readonly results: readonly JsonObject[];
  readonly refs: JsonObject;
}

export interface Telling {
  readonly runId?: string;
  readonly at?: string;
  /** What the ids of intents start with. */
  readonly prefix?: string;
  readonly producer?: string;
}

/** What an agent says of its run: three calls, of which one was denied and one not answered, and what it read. */
export function runInput(telling: Telling = {}): RunInput {
  const { runId = 'run_demo', at = '2026-02-14T06:00:00Z', prefix = 'i', producer = 'agent-1' } = telling;
  const receipt = { source_locator: 'db', retrieved_at: at, redaction_mode: 'reference' };
  const digests = { query_digest: '3'.repeat(64), content_digest: '4'.repeat(64) };
  return {
    run: {
      run_id: runId,
      created_at: at,
      producer_version: producer,
      env: { os: 'linux', arch: 'amd64', runtime: 'agent' },
      timeline: [
        { event: 'run_started', ts: at },
        { event: 'tool_call', ts: at, ref: `${prefix}2` },
      ],
    },
    intents: [
      { intent_id: `${prefix}1`, tool_name: 'db.read', args: { table: 'žluťoučký', limit: 10 } },
      { intent_id: `${prefix}2`, tool_name: 'db.write', args: { password: SECRET } },
      { intent_id: `${prefix}3`, tool_name: 'mail.send', args: { to: 'bob' } },
    ],
    results: [
      { intent_id: `${prefix}1`, status: 'ok', result: { rows: [1, 2.5, 1e21] } },
      { intent_id: `${prefix}2`, status: 'error', result: { error: `denied: ${SECRET}` } },
    ],
    refs: {
      receipts: [
        { ...receipt, ref_id: `trace_${prefix}1`, source_type: 'gait.trace' },
        { ...receipt, ...digests, ref_id: 'doc_1', source_type: 'http' },
      ],
    },
  };
}

/** A run of other arguments. */
export function otherRun(runId: string): RunInput {
  const input = runInput({ runId });
  const [first, ...rest] = input.intents;
  return { ...input, intents: [{ ...first, args: { table: 'other' } }, ...rest] };
}

/** The run with one intent that has these members, and nothing else. */
export function withIntent(input: RunInput, changes: object): object {
  return { ...input, results: [], refs: {}, intents: [{ intent_id: 'i', tool_name: 't', ...changes }] };
}

/** Writes a document for the binary to read. */
export async function putJson(w: Workspace, name: string, value: unknown): Promise<void> {
  await mkdir(dirname(w.path(name)), { recursive: true });
  await writeFile(w.path(name), JSON.stringify(value));
}

/** Records a run of this input; answers the path of its runpack. */
export async function record(w: Workspace, input: RunInput, flags = ''): Promise<string> {
  const name = `${String(input.run['run_id'])}.json`;
  await putJson(w, name, input);
  const { path = '' } = await w.ok(`run record ${name} ${flags}`);
  return path;
}

/** The members of a zip by name. */
export async function membersOf(path: string): Promise<Files> {
  return membersIn(await readFile(path));
}

export async function membersIn(bytes: Buffer): Promise<Files> {
  return withContainer(bytes, (container) => {
    const read = container.members.map((member) => {
      return [member.name, readMember(container, member, { keep: true }).bytes ?? Buffer.of()] as const;
    });
    return new Map(read);
  });
}

export function documentOf(files: Files, name: string): Document {
  return JSON.parse(String(files.get(name))) as Document;
}

/** The documents on the lines of a member. */
export function linesIn(files: Files, name: string): Document[] {
  const lines = String(files.get(name)).split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Document);
}

/** What a digest of JSON is: SHA-256 of its canonical form. */
export function digestOf(value: unknown): string {
  return sha256(jcs(value)).toString('hex');
}
