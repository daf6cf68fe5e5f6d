import { isDeepStrictEqual } from 'node:util';
import { canonicalDigest, DIGEST_PATTERN } from '../core/digest.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Receipt } from './documents.ts';

/** What runs always say of their machine. */
const MACHINE: ReadonlySet<string> = new Set(['os', 'arch', 'runtime']);

const DIGESTED = /^sha256:[0-9a-f]{64}$/;

/** What is kept of an environment, and how many of its members are not what was captured. */
interface RedactedEnv {
  readonly kept: JsonObject;
  readonly changed: number;
}

/** The environment of a run as reference capture keeps it: of all but the machine's names a digest. Pure. */
export function redactedEnv(env: JsonObject): RedactedEnv {
  const members = Object.entries(env).map(([name, value]): [string, Json] => {
    return [name, MACHINE.has(name) ? value : digestText(value)];
  });
  const changed = members.filter(([name, value]) => value !== env[name]).length;
  return { kept: Object.fromEntries(members), changed };
}

/** A receipt as reference capture keeps it: a digest of how it was read, and where, without what opens it. Pure. */
function redactedReceipt(receipt: Receipt): Receipt {
  const { retrieval_params: params } = receipt;
  const source_locator = redactedLocator(receipt.source_locator);
  if (params === undefined) return { ...receipt, source_locator };
  return { ...receipt, source_locator, retrieval_params: digestedParams(params) };
}

/**
 * A locator without user, query, fragment and, of a URL, the parameters behind a semicolon: what opens a source and does
 * not name it. What stays may still be secret; nobody can tell.
 */
export function redactedLocator(locator: string): string {
  const [, head = '', authority = '', tail = ''] = URL_LIKE.exec(locator) ?? [];
  const bare =
    head === ''
      ? withoutPassword(locator.replace(/[?#].*$/s, ''))
      : withoutUser(head) + withoutUser(authority) + tail.replace(/[?#;].*$/s, '');
  return bare.trim() === '' ? digestText(locator) : bare;
}

/** Schemes and two slashes; what has a user, a host and a port; the rest. */
const URL_LIKE = /^([^/\\?#]*[/\\]{2})([^/\\?#;]*)(.*)$/s;

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

/** Receipts as reference capture keeps them, and what is to be told of it. Those that a digest of their set is over stay whole. */
export function redactedReceipts(
  receipts: readonly Receipt[],
  covered: boolean,
): { readonly kept: readonly Receipt[]; readonly warning?: string } {
  const kept = receipts.map(redactedReceipt);
  const changed = kept.filter((one, i) => !isDeepStrictEqual(one, receipts[i])).length;
  if (changed === 0) return { kept };
  if (!covered) return { kept, warning: `reference capture keeps less of ${changed} receipts: ${LEFT_OUT}` };
  const warning = `reference capture keeps ${changed} receipts whole, for context_set_digest is over them`;
  return { kept: receipts, warning };
}

const LEFT_OUT =
  'a digest of retrieval_params, and source locators without user, query and fragment; their paths stay';
