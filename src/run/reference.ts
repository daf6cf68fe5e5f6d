import { isDeepStrictEqual } from 'node:util';
import { canonicalDigest, DIGEST_PATTERN } from '../core/digest.ts';
import { invalidInput } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Receipt, RunDocument } from './documents.ts';
import { namesMachine } from './machine_names.ts';

/** An entry of a timeline that says what reference capture kept otherwise than it was said, or kept whole. */
const CAPTURE_ENTRY = 'reference_capture';

const DIGESTED = /^sha256:[0-9a-f]{64}$/;

/** What reference capture keeps, and what is told of it: to whoever records, and in the run itself. */
export interface KeptValue<T> {
  readonly kept: T;
  readonly note?: string;
  /** What opens a source stayed, since a digest is over it. */
  readonly whole?: boolean;
}

/** An environment without what says nothing. */
export function withoutEmpty(env: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '' && value !== null));
}

/** The environment of a run as reference capture keeps it: of all but names of machines a digest. Pure. */
export function redactedEnv(env: JsonObject): KeptValue<JsonObject> {
  const members = Object.entries(env).map(([name, value]): [string, Json] => {
    return [name, namesMachine(name, value) ? value : digestText(value)];
  });
  const changed = members.filter(([name, value]) => value !== env[name]).length;
  const kept = Object.fromEntries(members);
  return changed === 0 ? { kept } : { kept, note: `run.env: digests of ${changed} members` };
}

/** Receipts as reference capture keeps them. Those that a digest of their set is over stay whole. Pure. */
export function redactedReceipts(
  receipts: readonly Receipt[],
  covered: boolean,
): KeptValue<readonly Receipt[]> {
  const kept = receipts.map(redactedReceipt);
  const changed = kept.filter((one, i) => !isDeepStrictEqual(one, receipts[i])).length;
  if (changed === 0) return { kept };
  if (!covered) return { kept, note: `receipts: ${changed} ${LEFT_OUT}` };
  return {
    kept: receipts,
    note: `receipts: ${changed} whole, since context_set_digest is over them`,
    whole: true,
  };
}

/** Throws `context_raw` for receipts that stay whole: a strict profile asks for a word that they may. */
export function refuseWhole({ whole }: KeptValue<unknown>): void {
  if (whole !== true) return;
  const what = 'receipts that context_set_digest is over have retrieval_params, users or queries';
  const hint = 'Leave them out before the set is digested, or give --unsafe-context-raw.';
  throw invalidInput('context_raw', what, hint);
}

const LEFT_OUT =
  'with digests of retrieval_params, and source locators without user, query and fragment; their paths stay';

/** The run with what is told of its capture at the end of its timeline. Pure. */
export function withNotes(run: RunDocument, notes: readonly string[]): RunDocument {
  if (notes.length === 0) return run;
  const told = notes.map((ref) => ({ event: CAPTURE_ENTRY, ts: run.created_at, ref }));
  return { ...run, timeline: [...(run.timeline ?? []), ...told] };
}

/** True for an entry of a timeline that is about the capture as a whole, not about one of its intents. */
export function tellsOfCapture({ event }: { readonly event: string }): boolean {
  return event === CAPTURE_ENTRY;
}

/** A receipt as reference capture keeps it: a digest of how it was read, and where, without what opens it. Pure. */
function redactedReceipt(receipt: Receipt): Receipt {
  const { retrieval_params: params } = receipt;
  const source_locator = redactedLocator(receipt.source_locator);
  if (params === undefined) return { ...receipt, source_locator };
  return { ...receipt, source_locator, retrieval_params: digestedParams(params) };
}

/**
 * A locator without user, query, fragment and parameters: what opens a source and does not name it. One that is made of
 * settings, or is the content itself, is digested. What stays may still be secret; nobody can tell.
 */
export function redactedLocator(locator: string): string {
  const [, head = '', authority = '', tail = ''] = URL_LIKE.exec(locator) ?? [];
  const host = withoutUser(authority);
  if (head === '' ? NO_NAME.test(locator) : !HOSTS.test(host) || USER_CUT.test(host + tail))
    return digestText(locator);
  const bare = head === '' ? withoutPassword(locator) : withoutUser(head) + host + tail;
  const named = bare.replace(PARAMETERS, '');
  return named.trim() === '' || /^[^/\\]*[/\\]{2}$/.test(named) ? digestText(locator) : named;
}

/** What may stand where hosts do. Else it is the start of a user's password that has a slash or a question mark in it. */
const HOSTS = /^(?:(?:\[[\da-f:.]*(?:%\w+)?\]|[^:[\],]*)(?::\d*)?(?:,|$))*(?:[&\n\r%].*)?$/is;
const USER_CUT = /^[^/\\?#;]*:\d+[?#;][^/\\]*@/;

/** Schemes and two slashes; what has a user, a host and a port; the rest. */
const URL_LIKE = /^([^/\\?#]*[/\\]{2})([^/\\?#;]*)(.*)$/s;

/** `data:` holds the content; settings (`host=h password=p`) and statements have an equals sign, or lines. */
const NO_NAME = /^\s*data:|^[^/\\?#]*[=\n\r]/i;

/** From the first sign that starts a query, a fragment or parameters, also where it is escaped. */
const PARAMETERS = /(?:[?#;&\n\r]|%3f|%23|%3b|%26).*$/is;

function withoutUser(text: string): string {
  return text.slice(text.lastIndexOf('@') + 1);
}

/** `user:password@host`, and what drivers of databases write; `user@host` is a name like others. */
function withoutPassword(text: string): string {
  const authority = /^jdbc:/i.test(text) ? text : (/^[^/\\]*/.exec(text)?.[0] ?? '');
  const at = authority.lastIndexOf('@');
  return authority.slice(0, Math.max(at, 0)).includes(':') ? text.slice(at + 1) : text;
}

function digestedParams(params: JsonObject): JsonObject {
  const { sha256, ...others } = params;
  const already = typeof sha256 === 'string' && DIGEST_PATTERN.test(sha256);
  return already && Object.keys(others).length === 0 ? params : { sha256: canonicalDigest(params) };
}

function digestText(value: Json): string {
  return typeof value === 'string' && DIGESTED.test(value) ? value : `sha256:${canonicalDigest(value)}`;
}
