import {
  CST,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Pair,
  parseAllDocuments,
} from 'yaml';
import { decodeUtf8 } from '../../core/canonical.ts';
import { GaitError, invalidInput } from '../../core/errors.ts';
import { type PolicyNode, policyInvalid } from './fields.ts';
import type { Policy } from './policy.ts';
import { readPolicy } from './reader.ts';

/** A policy larger than this is refused. Bytes. */
export const MAX_POLICY_BYTES: number = 1024 * 1024;

/** Nodes of a policy, those that aliases repeat among them. */
const MAX_NODES = 100_000;

/** A policy with more aliases than this is refused: each is looked for from the start. */
const MAX_ALIASES = 500;

/** A policy that is nested deeper than this is refused. */
const MAX_DEPTH = 32;

/** What stands in a file without a document. */
const NOTHING: PolicyNode = { kind: 'map', line: 1, members: new Map() };

/** Reads a policy: strict YAML 1.2, one document, no key twice. Throws `policy_invalid` with the line. */
export function parsePolicy(bytes: Uint8Array, what: string): Policy {
  try {
    return readPolicy(treeOf(policyDocument(bytes, what)));
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    throw invalidInput(error.code, `${what}: ${error.message}`, error.hint, error.details);
  }
}

export interface PolicyDocument {
  readonly document: Document.Parsed | undefined;
  readonly lines: LineCounter;
}

/** The document of a policy's text, comments and all. */
export function policyDocument(bytes: Uint8Array, what: string): PolicyDocument {
  if (bytes.length > MAX_POLICY_BYTES) {
    throw invalidInput('file_too_large', `it has ${bytes.length} bytes; the limit is ${MAX_POLICY_BYTES}`);
  }
  const lines = new LineCounter();
  const text = textOf(bytes, what);
  refuseDepth(text);
  refuseBreaks(text);
  refuseDirectives(text);
  refuseMuch(text);
  // The library's own prose for an error copies the line that it is in, for each of them.
  const options = { lineCounter: lines, uniqueKeys: false, prettyErrors: false };
  const documents = [...parseAllDocuments(text, options)];
  const [document, second] = documents;
  const line = (offset: number): number => lines.linePos(offset).line;
  for (const { errors, warnings } of documents) {
    const [fault] = [...errors, ...warnings];
    if (fault !== undefined)
      throw policyInvalid(
        line(fault.pos[0]),
        (fault.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, ''),
      );
  }
  if (second !== undefined) {
    throw policyInvalid(
      line(second.range?.[0] ?? 0),
      'a second document begins',
      'A policy is one document.',
    );
  }
  return { document, lines };
}

/** Where some readers of YAML see a line end and others do not, one of them reads another policy. */
function refuseBreaks(text: string): void {
  const at = text.search(/\r(?!\n)|[\u0085\u2028\u2029]/);
  if (at === -1) return;
  const hint = 'End lines with LF or CR LF, and write such a character as an escape.';
  const line = text.slice(0, at).split('\n').length;
  throw policyInvalid(line, 'a line ends there for some readers and not for others', hint);
}

/** Another version of YAML reads other things in the same words. */
function refuseDirectives(text: string): void {
  const at = text.split('\n').findIndex((line) => line.startsWith('%'));
  if (at !== -1)
    throw policyInvalid(at + 1, 'a directive stands there', 'A policy is YAML 1.2, without directives.');
}

/** The reader of YAML goes as deep as a text is nested, and may not come back from there. */
function refuseDepth(text: string): void {
  let open = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const lists = /^\s*(?:- )*/.exec(line)?.[0].split('- ').length ?? 0;
    for (const point of line) open += OPENS.has(point) ? 1 : CLOSES.has(point) ? -1 : 0;
    if (Math.max(open, lists) > MAX_BRACKETS) throw policyInvalid(index + 1, 'it is nested too deep');
  }
}

/**
 * The reader of YAML takes a while for each token, and for each thing that is wrong: it is given no more than a policy has.
 * Keys that are written with a question mark nest without end, and no policy needs them.
 */
function refuseMuch(text: string): void {
  let tokens = 0;
  let line = 1;
  for (const source of new Lexer().lex(text)) {
    tokens += 1;
    if (tokens > MAX_TOKENS) throw policyInvalid(line, `it has more than ${MAX_TOKENS} tokens`);
    const type = CST.tokenType(source);
    if (type === 'explicit-key-ind')
      throw policyInvalid(line, 'a key is written with a question mark', 'Write it as `key: value`.');
    if (type === 'double-quoted-scalar' && STRANGE_ESCAPE.test(source))
      throw policyInvalid(
        line,
        'a text in double quotes has an escape that is none',
        'Double the backslash.',
      );
    for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) line += 1;
  }
}

/** Spaces among them. A policy of ten thousand lines has fewer. */
const MAX_TOKENS = 60_000;

/** A backslash before what YAML 1.2 (§5.7) gives no meaning. */
const STRANGE_ESCAPE =
  /^"(?:[^\\]|\\[\s\S])*?\\(?![0abtnvfre "/\\N_LP\t\r\n]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})/i;

const OPENS: ReadonlySet<string> = new Set(['[', '{']);
const CLOSES: ReadonlySet<string> = new Set([']', '}']);
/** Brackets in texts count too, which only makes this refuse what no policy needs. */
const MAX_BRACKETS = 200;

function textOf(bytes: Uint8Array, what: string): string {
  try {
    const text = decodeUtf8(bytes);
    if (!text.startsWith('\ufeff')) return text;
  } catch {
    throw invalidInput('policy_invalid', `${what} is not UTF-8`);
  }
  throw policyInvalid(1, 'a byte-order mark stands before the policy', 'Save it as UTF-8 without one.');
}

function treeOf({ document, lines }: PolicyDocument): PolicyNode {
  if (document === undefined || document.contents === null) return NOTHING;
  const tree = new Tree(document, lines).node(document.contents, 1, 0);
  return tree.kind === 'scalar' && tree.value === null ? NOTHING : tree;
}

/** Makes a tree of a document: aliases become what they stand for, no deeper and no more of it than a policy has. */
class Tree {
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  #nodes = 0;
  #aliases = 0;

  constructor(document: Document.Parsed, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  /** `from` is the line of what it stands in, for values that are not written at all. */
  node(node: unknown, from: number, depth: number): PolicyNode {
    const line = this.#lineOf(node) ?? from;
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES) throw policyInvalid(line, `it has more than ${MAX_NODES} values`);
    if (depth > MAX_DEPTH) throw policyInvalid(line, `it is nested deeper than ${MAX_DEPTH}`);
    if (isNode(node) && 'tag' in node && node.tag !== undefined) {
      throw policyInvalid(line, `a tag stands there: ${String(node.tag)}`, 'Leave it out.');
    }
    if (isAlias(node)) this.#aliases += 1;
    if (this.#aliases > MAX_ALIASES) throw policyInvalid(line, `it has more than ${MAX_ALIASES} aliases`);
    if (isAlias(node)) return this.node(node.resolve(this.#document), line, depth + 1);
    if (isSeq(node)) {
      return { kind: 'list', line, items: node.items.map((item) => this.node(item, line, depth + 1)) };
    }
    if (isMap(node)) return { kind: 'map', line, members: this.#members(node.items, line, depth + 1) };
    if (isScalar(node)) return scalarOf(node.value, node.source, line);
    return { kind: 'scalar', line, value: null, text: '' };
  }

  #members(pairs: readonly Pair[], line: number, depth: number): Map<string, PolicyNode> {
    const members = new Map<string, PolicyNode>();
    for (const { key, value } of pairs) {
      const name = this.node(key, line, depth);
      if (name.kind !== 'scalar' || isAlias(key)) throw policyInvalid(name.line, 'a key is not text');
      if (name.text === '<<' && isScalar(key) && key.type === 'PLAIN')
        throw policyInvalid(name.line, 'a merge key (<<) stands there', 'Write out what it would put in.');
      if (members.has(name.text)) throw policyInvalid(name.line, `the key ${name.text} stands there twice`);
      members.set(name.text, { ...this.node(value, name.line, depth), line: name.line });
    }
    return members;
  }

  #lineOf(node: unknown): number | undefined {
    const range = isNode(node) ? node.range : undefined;
    return range === undefined || range === null ? undefined : this.#lines.linePos(range[0]).line;
  }
}

function scalarOf(value: unknown, source: string | undefined, line: number): PolicyNode {
  if (typeof value === 'bigint') throw policyInvalid(line, `the number ${value} is too large`);
  if (typeof value === 'number' && !Number.isFinite(value))
    throw policyInvalid(line, `${source} is no number`);
  if (value === null || value === undefined) return { kind: 'scalar', line, value: null, text: '' };
  if (typeof value === 'string') return { kind: 'scalar', line, value, text: value };
  if (typeof value === 'number' || typeof value === 'boolean') {
    return { kind: 'scalar', line, value, text: source ?? String(value) };
  }
  throw policyInvalid(line, `${source ?? 'a value'} is of a type that policies do not have`);
}
