import { canonicalize } from '../../core/canonical.ts';
import { canonicalDigest } from '../../core/digest.ts';
import { invalidInput } from '../../core/errors.ts';
import { Fields } from '../../core/fields.ts';
import { frozen } from '../../core/frozen.ts';
import { isJsonObject, type Json } from '../../core/json.ts';
import { parseJson } from '../../core/json_text.ts';
import { lowered, trimmed, wordList } from '../../core/text.ts';
import { epochMs, inUtc, NEVER } from '../../core/time.ts';
import { plainArgs } from './args.ts';
import { claimsOf } from './claims_reader.ts';
import { digestIn, filled, invalid, needed, oneOf, texts, word } from './fields.ts';
import {
  type Delegation,
  type DelegationLink,
  INTENT_SCHEMA_ID,
  type Intent,
  type IntentContext,
  type IntentRequest,
  type SkillProvenance,
} from './intent.ts';
import { nameOfScript, refuseOwn, scriptHash, scriptOf } from './script_reader.ts';
import { provenanceOf, targetsOf } from './targets.ts';

/** An intent larger than this is refused. Bytes. */
export const MAX_INTENT_BYTES: number = 1024 * 1024;

const CONTRACT = 'docs/contracts/gate.md';

/** When a request was made that does not say so. */
const UNDATED = '1980-01-01T00:00:00Z';

/** Reads the text of an intent. Throws invalid_input. */
export function parseIntent(bytes: Uint8Array, what: string): IntentRequest {
  if (bytes.length > MAX_INTENT_BYTES) {
    const message = `${what} has ${bytes.length} bytes; the limit is ${MAX_INTENT_BYTES}`;
    throw invalidInput('file_too_large', message);
  }
  return readIntent(parseJson(bytes, what));
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
  for (const claimed of ['args_digest', 'intent_digest', 'script_hash']) top.text(claimed); // made anew, whatever it says
  const script = top.object('script') === undefined ? undefined : scriptOf(top.inside('script'));
  const tool_name = script === undefined ? lowered(needed(top, 'tool_name')) : nameOfScript(top);
  const args = plainArgs(top.object('args') ?? {}, 'args');
  const targets = targetsOf(top.each('targets'), tool_name);
  const arg_provenance = provenanceOf(top.each('arg_provenance'));
  if (script !== undefined) refuseOwn({ args, targets, arg_provenance });
  const skill = top.object('skill_provenance');
  const delegated = top.object('delegation');
  const context = top.inside('context');
  const claims = claimsOf(context);
  const intent: Intent = {
    tool_name,
    args,
    targets,
    ...(arg_provenance.length === 0 ? {} : { arg_provenance }),
    ...(skill === undefined ? {} : { skill_provenance: skillOf(top.inside('skill_provenance')) }),
    ...(delegated === undefined ? {} : { delegation: delegationOf(top.inside('delegation')) }),
    ...(script === undefined ? {} : { script, script_hash: scriptHash(script) }),
    context: contextOf(context),
  };
  const created_at = inUtc(top.time('created_at') ?? UNDATED);
  top.ignored();
  const asWritten = script === undefined ? (top.object('args') ?? {}) : { script: top.object('script') };
  const exact_args_digest = canonicalDigest(asWritten);
  return frozen({ intent, claims, created_at, exact_args_digest });
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
