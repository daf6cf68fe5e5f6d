import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  visit,
  type YAMLMap,
} from 'yaml';
import { GaitError } from '../../core/errors.ts';
import { FREEZE_WINDOW, WINDOW_MEMBERS } from './freeze_window.ts';
import { DATAFLOW, ENDPOINT, FAIL_CLOSED, MATCH, RATE_LIMIT, RULE } from './members.ts';
import { POLICY } from './reader.ts';
import { namesOf } from './rows.ts';
import { SCRIPTS } from './script_rules.ts';
import { parsePolicy, policyDocument } from './yaml.ts';

/** The members of each map of a policy in the order in which they are written; lists stand on one line while they fit. */
const ORDER: Readonly<Record<string, readonly string[]>> = {
  '': namesOf(POLICY),
  fail_closed: namesOf(FAIL_CLOSED),
  scripts: namesOf(SCRIPTS),
  rules: namesOf(RULE),
  match: namesOf(MATCH),
  endpoint: namesOf(ENDPOINT),
  dataflow: namesOf(DATAFLOW),
  rate_limit: namesOf(RATE_LIMIT),
  destructive_budget: namesOf(RATE_LIMIT),
  freeze_window: namesOf(FREEZE_WINDOW),
  windows: WINDOW_MEMBERS,
};

/** A line is not longer than this unless a value is. Characters. */
const LINE_WIDTH = 100;

/** A comment may come to stand elsewhere once, and then once more; it settles before this. */
const MAX_PASSES = 6;

/**
 * The text of a policy in its usual form: members in one order, maps in blocks, lists on a line. Comments stay, and with
 * them whatever the author wrote; the policy stays what it is. Formatting twice changes nothing. Throws what
 * {@link parsePolicy} throws.
 */
export function formatPolicy(bytes: Uint8Array, what: string): string {
  const text = settled(bytes, what);
  if (isDeepStrictEqual(parsePolicy(Buffer.from(text), what), parsePolicy(bytes, what))) return text;
  throw new GaitError({
    code: 'format_changes_meaning',
    category: 'internal_failure',
    message: `${what} would mean something else once formatted`,
    hint: 'This is a bug of gait. Nothing was written.',
  });
}

function settled(bytes: Uint8Array, what: string): string {
  let text = formatOnce(bytes, what);
  for (let pass = 1; pass < MAX_PASSES; pass += 1) {
    const next = formatOnce(Buffer.from(text), what);
    if (next === text) return text;
    text = next;
  }
  return text;
}

function formatOnce(bytes: Uint8Array, what: string): string {
  const { document } = policyDocument(bytes, what);
  if (document === undefined || document.contents === null) return Buffer.from(bytes).toString('utf8');
  arrange(document);
  const text = document.toString({
    indent: 2,
    indentSeq: true,
    lineWidth: LINE_WIDTH,
    flowCollectionPadding: false,
  });
  return text
    .split('\n')
    .map((line) => (line.trim() === '' ? '' : line))
    .join('\n');
}

function arrange(document: Document.Parsed): void {
  const { contents } = document;
  let anchored = false;
  visit(document, {
    Node: (_, node) => {
      anchored ||= isAlias(node) || node.anchor !== undefined;
    },
  });
  // What an alias stands for must come before it, so nothing is moved then.
  if (isMap(contents)) arrangeMap(contents, anchored ? undefined : '');
}

/** `place` is undefined where members keep the order that they have. */
function arrangeMap(map: YAMLMap, place: string | undefined): void {
  if (place !== undefined && !hasRemarks(map)) sortMembers(map, ORDER[place] ?? []);
  if (map.flow === true && map.comment) {
    map.commentBefore = [map.commentBefore, map.comment].filter(Boolean).join('\n');
    map.comment = null;
  }
  map.flow = false;
  for (const pair of map.items) arrangeValue(pair.value, place === undefined ? undefined : keyOf(pair));
}

/** A comment above a member may be about those below it too: such a map is left in its author's order. */
function hasRemarks(map: YAMLMap): boolean {
  return map.items.some(({ key }) => isScalar(key) && Boolean(key.commentBefore));
}

function sortMembers(map: YAMLMap, order: readonly string[]): void {
  const rank = (pair: Pair): number => {
    const at = order.indexOf(keyOf(pair));
    return at === -1 ? order.length : at;
  };
  map.items.sort((a, b) => rank(a) - rank(b));
  const [head] = map.items;
  if (isScalar(head?.key)) head.key.spaceBefore = false;
}

function arrangeValue(value: unknown, place: string | undefined): void {
  if (isMap(value)) arrangeMap(value, place);
  if (!isSeq(value)) return;
  const bare = (node: Node): boolean => !node.comment && !node.commentBefore;
  value.flow = bare(value) && value.items.every((item) => isScalar(item) && bare(item));
  for (const item of value.items) if (isMap(item)) arrangeMap(item, place);
}

function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : '';
}
