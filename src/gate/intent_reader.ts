import { canonicalize } from '../core/canonical.ts';
import { DIGEST_PATTERN } from '../core/digest.ts';
import { type GaitError, invalidInput } from '../core/errors.ts';
import { Fields } from '../core/fields.ts';
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import { parseJson } from '../core/json_text.ts';
import { epochMs, inUtc, NEVER } from '../core/time.ts';
import {
  ENDPOINT_CLASSES,
  type EndpointClass,
  inferredClass,
  isDestructive,
  TARGET_KINDS,
  writtenDomain,
} from './endpoint.ts';
import {
  type Delegation,
  type DelegationLink,
  INTENT_SCHEMA_ID,
  type Intent,
  type IntentContext,
  type IntentRequest,
  PROVENANCE_SOURCES,
  type Provenance,
  type SkillProvenance,
  type Target,
} from './intent.ts';
import { byBytes, lowered, trimmed, wordList } from './words.ts';

/** An intent larger than this is refused. Bytes. */
export const MAX_INTENT_BYTES: number = 1024 * 1024;

/** An intent with more targets than this is refused. */
export const MAX_TARGETS = 1024;

const CONTRACT = 'docs/contracts/gate.md';

/** When a request was made that does not say so. */
const UNDATED = '1980-01-01T00:00:00Z';

/** Reads the text of an intent: strict JSON, no number that two readers could take for two. Throws invalid_input. */
export function parseIntent(bytes: Uint8Array, what: string): IntentRequest {
  if (bytes.length > MAX_INTENT_BYTES) {
    const message = `${what} has ${bytes.length} bytes; the limit is ${MAX_INTENT_BYTES}`;
    throw invalidInput('file_too_large', message);
  }
  const value = parseJson(bytes, what);
  refuseInexactNumbers(Buffer.from(bytes).toString('utf8'));
  return readIntent(value);
}

/**
 * The one form of an intent that is judged: text trimmed, names in small letters, lists sorted, what is not said about
 * targets inferred. Throws `record_invalid`, `record_ambiguous`, `intent_invalid` or `not_canonicalizable` (invalid_input).
 */
export function readIntent(value: Json): IntentRequest {
  canonicalize(value); // lone surrogates, too deep nesting
  const top = new Fields(value, '', CONTRACT);
  if (!isJsonObject(value)) throw invalid('the intent is no JSON object');
  const schemaId = top.text('schema_id');
  if (schemaId !== undefined && schemaId !== INTENT_SCHEMA_ID) throw invalid(`schema_id is ${schemaId}`);
  const version = top.text('schema_version');
  if (version !== undefined && version !== '1.0.0') throw invalid(`schema_version is ${version}`);
  top.text('producer_version');
  for (const claimed of ['args_digest', 'intent_digest']) top.text(claimed); // made anew, whatever it says
  if (top.object('script') !== undefined) {
    throw invalid('a script of several calls cannot be judged', 'Ask for each of its calls.');
  }
  const tool_name = lowered(needed(top, 'tool_name'));
  const args = plainArgs(top.object('args') ?? {}, 'args');
  const targets = targetsOf(top.each('targets'), tool_name);
  const arg_provenance = provenanceOf(top.each('arg_provenance'));
  const skill = top.object('skill_provenance');
  const delegated = top.object('delegation');
  const intent: Intent = {
    tool_name,
    args,
    targets,
    ...(arg_provenance.length === 0 ? {} : { arg_provenance }),
    ...(skill === undefined ? {} : { skill_provenance: skillOf(top.inside('skill_provenance')) }),
    ...(delegated === undefined ? {} : { delegation: delegationOf(top.inside('delegation')) }),
    context: contextOf(top.inside('context')),
  };
  const created_at = inUtc(top.time('created_at') ?? UNDATED);
  top.ignored();
  return { intent, created_at };
}

/** JSON keeps integers of any size, its readers do not: beyond 2^53 two of them may see two numbers in one text. */
function refuseInexactNumbers(text: string): void {
  const outside = text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const inexact = outside
    .match(/-?\d{16,}(?![\d.eE])/g)
    ?.find((digits) => !Number.isSafeInteger(Number(digits)));
  if (inexact === undefined) return;
  throw invalid(`the number ${inexact} is not exact in every reader of JSON`, 'Write it as a string.');
}

function plainArgs(args: JsonObject, place: string): JsonObject {
  const plain: Record<string, Json> = Object.create(null) as Record<string, Json>;
  for (const [key, value] of Object.entries(args)) {
    const name = trimmed(key);
    if (name === '') throw invalid(`${place} has an empty key`);
    if (Object.hasOwn(plain, name))
      throw ambiguous(`two keys of ${place} are ${JSON.stringify(name)} once trimmed`);
    plain[name] = plainValue(value, `${place}.${name}`);
  }
  return { ...plain };
}

function plainValue(value: Json, place: string): Json {
  if (typeof value === 'string') return trimmed(value);
  if (Array.isArray(value)) return value.map((item: Json, index) => plainValue(item, `${place}[${index}]`));
  return isJsonObject(value) ? plainArgs(value, place) : value;
}

function targetsOf(all: readonly Fields[], toolName: string): Target[] {
  if (all.length > MAX_TARGETS) throw invalid(`it has ${all.length} targets; the limit is ${MAX_TARGETS}`);
  const targets = all.map((fields, index) => targetOf(fields, `targets[${index}]`, toolName));
  const order = (target: Target): string[] => [
    ...[target.kind, target.value, target.operation ?? '', target.sensitivity ?? '', target.endpoint_class],
    ...[target.endpoint_domain ?? '', target.destructive === true ? '1' : '0'],
  ];
  return sortedOnce(targets, order);
}

function targetOf(fields: Fields, place: string, toolName: string): Target {
  const kind = oneOf(TARGET_KINDS, lowered(needed(fields, 'kind')), `${place}.kind`);
  const value = needed(fields, 'value');
  const operation = word(fields, 'operation');
  const sensitivity = word(fields, 'sensitivity');
  const declared = word(fields, 'endpoint_class');
  const endpoint_class: EndpointClass =
    declared === ''
      ? inferredClass(kind, operation, toolName)
      : oneOf(ENDPOINT_CLASSES, declared, `${place}.endpoint_class`);
  const endpoint_domain = word(fields, 'endpoint_domain') || writtenDomain(kind, value);
  const destructive = fields.flag('destructive') === true || isDestructive(endpoint_class, operation);
  fields.ignored();
  return {
    kind,
    value,
    ...(operation === '' ? {} : { operation }),
    ...(sensitivity === '' ? {} : { sensitivity }),
    endpoint_class,
    ...(endpoint_domain === '' ? {} : { endpoint_domain }),
    ...(destructive ? { destructive } : {}),
  };
}

function provenanceOf(all: readonly Fields[]): Provenance[] {
  const entries = all.map((fields, index): Provenance => {
    const place = `arg_provenance[${index}]`;
    const arg_path = needed(fields, 'arg_path');
    const source = oneOf(PROVENANCE_SOURCES, lowered(needed(fields, 'source')), `${place}.source`);
    const source_ref = trimmed(fields.text('source_ref') ?? '');
    const integrity_digest = digestIn(fields, 'integrity_digest', place);
    fields.ignored();
    return {
      arg_path,
      source,
      ...(source_ref === '' ? {} : { source_ref }),
      ...(integrity_digest === '' ? {} : { integrity_digest }),
    };
  });
  return sortedOnce(entries, (entry) => [
    ...[entry.arg_path, entry.source, entry.source_ref ?? '', entry.integrity_digest ?? ''],
  ]);
}

function skillOf(fields: Fields): SkillProvenance {
  const skill = {
    skill_name: needed(fields, 'skill_name'),
    source: lowered(needed(fields, 'source')),
    publisher: needed(fields, 'publisher'),
  };
  const more = {
    skill_version: trimmed(fields.text('skill_version') ?? ''),
    digest: digestIn(fields, 'digest', 'skill_provenance'),
    signature_key_id: trimmed(fields.text('signature_key_id') ?? ''),
  };
  fields.ignored();
  return { ...skill, ...filled(more) };
}

function delegationOf(fields: Fields): Delegation {
  const requester_identity = needed(fields, 'requester_identity');
  const scope_class = word(fields, 'scope_class');
  const token_refs = wordList(texts(fields, 'token_refs'));
  const chain = fields.each('chain').map(linkOf);
  const delegation = {
    requester_identity,
    ...filled({ scope_class }),
    ...(token_refs.length === 0 ? {} : { token_refs }),
    ...(chain.length === 0 ? {} : { chain }),
    ...validity(fields, 'delegation'),
  };
  fields.ignored();
  return delegation;
}

function linkOf(fields: Fields, index: number): DelegationLink {
  const link = {
    delegator_identity: needed(fields, 'delegator_identity'),
    delegate_identity: needed(fields, 'delegate_identity'),
    ...filled({ scope_class: word(fields, 'scope_class') }),
    ...filled({ token_ref: trimmed(fields.text('token_ref') ?? '') }),
    ...validity(fields, `delegation.chain[${index}]`),
  };
  fields.ignored();
  return link;
}

function validity(fields: Fields, place: string): { issued_at: string; expires_at: string } {
  const [issued_at, expires_at] = [instant(fields, 'issued_at'), instant(fields, 'expires_at')];
  if (issued_at !== NEVER && expires_at !== NEVER && epochMs(expires_at) <= epochMs(issued_at)) {
    throw invalid(`${place} ends before it begins`);
  }
  return { issued_at, expires_at };
}

function instant(fields: Fields, name: string): string {
  return inUtc(fields.time(name) ?? NEVER);
}

function contextOf(fields: Fields): IntentContext {
  const context = {
    identity: needed(fields, 'identity'),
    workspace: needed(fields, 'workspace').replaceAll('\\', '/'),
    risk_class: lowered(needed(fields, 'risk_class')),
  };
  const more = {
    session_id: trimmed(fields.text('session_id') ?? ''),
    request_id: trimmed(fields.text('request_id') ?? ''),
    environment_fingerprint: trimmed(fields.text('environment_fingerprint') ?? ''),
    context_set_digest: digestIn(fields, 'context_set_digest', 'context'),
  };
  const mode = word(fields, 'context_evidence_mode');
  const auth = plainArgs(fields.object('auth_context') ?? {}, 'context.auth_context');
  const credential_scopes = wordList(texts(fields, 'credential_scopes'));
  const context_refs = wordList(texts(fields, 'context_refs'));
  fields.ignored();
  return {
    ...context,
    ...filled(more),
    ...(mode === ''
      ? {}
      : { context_evidence_mode: oneOf(['best_effort', 'required'], mode, 'context.context_evidence_mode') }),
    ...(Object.keys(auth).length === 0 ? {} : { auth_context: auth }),
    ...(credential_scopes.length === 0 ? {} : { credential_scopes }),
    ...(context_refs.length === 0 ? {} : { context_refs }),
  };
}

/** Without the members that are empty. */
function filled<T extends Readonly<Record<string, string>>>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== '')) as Partial<T>;
}

function needed(fields: Fields, name: string): string {
  const text = trimmed(fields.need(name));
  if (text === '') throw invalid(`${fields.at(name)} is empty`);
  return text;
}

function word(fields: Fields, name: string): string {
  return lowered(trimmed(fields.text(name) ?? ''));
}

function texts(fields: Fields, name: string): string[] {
  return (fields.list(name) ?? []).map((item) => {
    if (typeof item === 'string') return item;
    throw invalid(`${fields.at(name)} holds what is no text`);
  });
}

function digestIn(fields: Fields, name: string, place: string): string {
  const digest = word(fields, name);
  if (digest === '' || DIGEST_PATTERN.test(digest)) return digest;
  throw invalid(`${place}.${name} is no SHA-256 in hexadecimal`);
}

function oneOf<T extends string>(allowed: readonly T[], value: string, place: string): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw invalid(`${place} is ${JSON.stringify(value)}`, `Possible: ${allowed.join(', ')}.`);
}

/** Each once, in the order of these texts. */
function sortedOnce<T>(items: readonly T[], order: (item: T) => readonly string[]): T[] {
  const keyed = new Map(items.map((item) => [order(item).join('\0'), item]));
  const sorted = [...keyed.values()].map((item) => ({ item, by: order(item) }));
  sorted.sort((a, b) => {
    const at = a.by.findIndex((text, index) => text !== b.by[index]);
    return at === -1 ? 0 : byBytes(a.by[at] ?? '', b.by[at] ?? '');
  });
  return sorted.map(({ item }) => item);
}

function invalid(message: string, hint?: string): GaitError {
  return invalidInput('intent_invalid', message, hint);
}

function ambiguous(message: string): GaitError {
  return invalidInput('record_ambiguous', message, 'Readers differ in which of the two counts. Keep one.');
}
