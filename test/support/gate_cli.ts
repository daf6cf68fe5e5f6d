import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import type { JsonObject } from '../../src/core/json.ts';
import { timestamp } from '../../src/core/time.ts';
import { parseIntent } from '../../src/gate/intent/reader.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';
import type { ApprovalOrder } from '../../src/gate/tokens/issue.ts';
import { approvalSubject } from '../../src/gate/tokens/terms.ts';
import { keyFileText, type SigningKey } from '../../src/signing/keys.ts';
import type { Output } from '../cli/output.ts';
import { linesOf, type RunOptions, type Workspace, workspace } from './cli.ts';
import { approval, BOB, CAROL, GATE_KEY, MALLORY } from './tokens.ts';
import { PATIENCE_MS, until } from './until.ts';

/** A call of low risk, with a space in one of its arguments. */
export const CALL = {
  tool_name: 'tool.write',
  args: { path: '/data/a', text: 'two words' },
  targets: [{ kind: 'path', value: '/data/a', operation: 'write' }],
  context: { identity: 'agent', workspace: '/repo', risk_class: 'low' },
} as const;

const POLICIES: Readonly<Record<string, string>> = {
  'allow.yaml': 'default_verdict: allow',
  'block.yaml': 'default_verdict: block',
  'dry.yaml': 'default_verdict: dry_run',
  'ask.yaml': 'rules: [{name: ask, effect: require_approval}]',
  'two.yaml': 'rules: [{name: two, effect: require_approval, min_approvals: 2}]',
  'twice.yaml': 'rules: [{name: twice, effect: allow, rate_limit: {requests: 9, window: hour}}]',
  'once.yaml': 'rules: [{name: once, effect: allow, rate_limit: {requests: 1, window: hour}}]',
  'broker.yaml':
    'rules: [{name: b, effect: allow, require_broker_credential: true, broker_reference: vault}]',
  'delegate.yaml': 'rules: [{name: d, effect: allow, match: {require_delegation: true}}]',
  'bad.yaml': 'default_verdict: perhaps',
};

const KEYS: Readonly<Record<string, SigningKey>> = {
  bob: BOB,
  carol: CAROL,
  gate: GATE_KEY,
  mallory: MALLORY,
};

/** A workspace of its own, for tests that look at all that is left. */
export async function gateWorkspace(t: Parameters<typeof workspace>[0]): Promise<Workspace> {
  const w = await workspace(t);
  await prepareGate(w);
  return w;
}

/** Policies by name, the call as `intent.json`, and key files of bob, carol, mallory and the gate. */
export async function prepareGate(w: Workspace): Promise<void> {
  await putIntent(w, 'intent.json', CALL);
  for (const [name, text] of Object.entries(POLICIES)) await writeFile(w.path(name), `${text}\n`);
  for (const [name, key] of Object.entries(KEYS)) {
    await writeFile(w.path(`${name}_private.key`), keyFileText(key.encoded), { mode: 0o600 });
    await writeFile(w.path(`${name}_public.key`), keyFileText(key.publicKey));
  }
}

export async function putIntent(w: Workspace, name: string, intent: unknown): Promise<void> {
  await writeFile(w.path(name), JSON.stringify(intent));
}

/** What `gate eval --json` prints beside what every command prints. */
export interface Decided extends Output {
  readonly trace_path?: string;
  readonly approval_audit_path?: string;
  readonly simulate_mode?: boolean;
  readonly simulated_verdict?: string;
  readonly would_have_blocked?: boolean;
  readonly token_faults?: readonly { readonly error_code: string }[];
  readonly key_mode?: string;
  readonly rate_limit_used?: number;
  readonly rate_limit_remaining?: number;
}

/** The exit code of a `gate eval` of a policy on the call, and what it printed. */
export async function evalOf(
  w: Workspace,
  policy: string,
  more = '',
  options: RunOptions = {},
): Promise<{ readonly exit: number; readonly answer: Decided }> {
  const intent = more.includes('--intent') ? '' : ' --intent intent.json';
  const result = await w.gait(`gate eval --policy ${policy}${intent} ${more} --json`, options);
  return { exit: result.exit, answer: result.json() as Decided };
}

/** An approval of the call under a policy, made by the library, as a file. */
export async function putApproval(
  w: Workspace,
  policy: string,
  changes: Partial<ApprovalOrder> = {},
  { key = BOB, name = 'token.json' }: { readonly key?: SigningKey; readonly name?: string } = {},
): Promise<JsonObject> {
  const request = parseIntent(await readFile(w.path('intent.json')), 'intent.json');
  const subject = approvalSubject(parsePolicy(await readFile(w.path(policy)), policy), request);
  const { intentDigest, policyDigest, exactArgsDigest } = subject;
  const now = timestamp(Date.now());
  const token = approval({ now, intentDigest, policyDigest, exactArgsDigest, ...changes }, key);
  await writeFile(w.path(name), JSON.stringify(token));
  return token;
}

/** Limits count by the hour of the clock. Where one is nearly over, waits for the next: the calls of a test fall into one. */
export async function withinOneHour(): Promise<void> {
  const [hour, enough] = [3_600_000, PATIENCE_MS / 2];
  await until('the hour is young', () => hour - (Date.now() % hour) > enough);
}

/** The names of the records that a gate kept. */
export async function recordsOf(w: Workspace, dir = 'gait-out/gate'): Promise<string[]> {
  return (await readdir(w.path(dir, 'records'))).sort();
}

export async function documentAt(w: Workspace, path: string): Promise<JsonObject> {
  return JSON.parse(await readFile(w.path(path), 'utf8')) as JsonObject;
}

/** What was entered in a stream of a gate, as types and payloads. Nothing if there is none. */
export async function enteredIn(
  w: Workspace,
  stream: 'decisions' | 'uses',
  dir = 'gait-out/gate',
): Promise<{ readonly type: string; readonly payload: JsonObject }[]> {
  const bytes = await readFile(w.path(dir, stream, 'log.ndjson')).catch(() => Buffer.alloc(0));
  return linesOf(bytes)
    .filter((line) => line.length > 0)
    .map((line) => (JSON.parse(line.toString()) as { event: { type: string; payload: JsonObject } }).event);
}

/** Lets anybody see a private key. */
export async function expose(w: Workspace, name: string): Promise<void> {
  await chmod(w.path(name), 0o644);
}
