import { type GaitError, invalidInput } from '../../core/errors.ts';
import { trimmed } from '../../core/text.ts';

/** A policy's text as a tree: what stands where, with the line it stands in. No value is guessed at yet. */
export type PolicyNode =
  | { readonly kind: 'map'; readonly line: number; readonly members: ReadonlyMap<string, PolicyNode> }
  | { readonly kind: 'list'; readonly line: number; readonly items: readonly PolicyNode[] }
  | {
      readonly kind: 'scalar';
      readonly line: number;
      /** What YAML takes it for. */
      readonly value: string | number | boolean | null;
      /** As it was written, quotes and escapes resolved. */
      readonly text: string;
    };

/** Takes a map of a policy apart, member by member. What nobody asks for is refused by {@link PolicyFields.end}. */
export class PolicyFields {
  readonly #members: ReadonlyMap<string, PolicyNode>;
  readonly #place: string;
  readonly #line: number;
  readonly #asked = new Set<string>();
  readonly #blank: string[] = [];

  constructor(node: PolicyNode | undefined, place: string) {
    if (node !== undefined && node.kind !== 'map' && !isNull(node)) throw wrong(node, place, 'a map');
    this.#members = node?.kind === 'map' ? node.members : new Map();
    this.#line = node?.line ?? 1;
    this.#place = place;
  }

  text(name: string): string {
    const node = this.#take(name);
    if (node === undefined) return '';
    return textOf(node, this.#at(name));
  }

  texts(name: string): string[] {
    const words = this.list(name).map((item, index) => textOf(item, `${this.#at(name)}[${index}]`));
    if (this.#members.has(name) && words.every((word) => trimmed(word) === '')) this.#blank.push(name);
    return words;
  }

  /** Throws for a list that is there and names nothing: whoever grants by it would ask for nothing. */
  refuseBlankLists(): void {
    for (const name of this.#blank) {
      const hint = 'Name what is let through, or leave the list out: then nothing is asked.';
      throw this.wrong(name, 'is there and names nothing, in a rule that allows', hint);
    }
  }

  flag(name: string): boolean {
    const node = this.#take(name);
    if (node === undefined) return false;
    if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
    throw wrong(node, this.#at(name), 'true or false');
  }

  /** True for a member that is written, whatever it says. */
  says(name: string): boolean {
    return this.#take(name) !== undefined;
  }

  /** A whole number; undefined when there is none. */
  whole(name: string): number | undefined {
    const node = this.#take(name);
    if (node === undefined) return undefined;
    if (node.kind === 'scalar' && Number.isSafeInteger(node.value)) {
      textOf(node, this.#at(name)); // one spelling: readers differ about 010
      return node.value as number;
    }
    throw wrong(node, this.#at(name), 'a whole number');
  }

  /** Whole numbers, each once, in their order. */
  wholes(name: string): number[] {
    const numbers = this.list(name).map((node) => {
      if (node.kind === 'scalar' && Number.isSafeInteger(node.value)) return node.value as number;
      throw wrong(node, this.#at(name), 'a list of whole numbers');
    });
    if (this.#members.has(name) && numbers.length === 0) this.#blank.push(name);
    return [...new Set(numbers)].sort((a, b) => a - b);
  }

  list(name: string): readonly PolicyNode[] {
    const node = this.#take(name);
    if (node === undefined) return [];
    if (node.kind !== 'list') throw wrong(node, this.#at(name), 'a list');
    return node.items;
  }

  /** The maps of a list, each to be taken apart. */
  each(name: string): PolicyFields[] {
    return this.list(name).map((item, index) => new PolicyFields(item, `${this.#at(name)}[${index}]`));
  }

  inside(name: string): PolicyFields {
    return new PolicyFields(this.#take(name), this.#at(name));
  }

  /** Throws for members that nobody asked for. */
  end(): void {
    for (const [name, { line }] of this.#members) {
      if (this.#asked.has(name)) continue;
      const hint = `Possible: ${[...this.#asked].sort().join(', ')}.`;
      throw policyInvalid(line, `unknown field ${this.#at(name)}`, hint);
    }
  }

  /** An error about a member, or about the whole. */
  wrong(name: string, message: string, hint?: string): GaitError {
    return policyInvalid(this.#members.get(name)?.line ?? this.#line, `${this.#at(name)} ${message}`, hint);
  }

  #take(name: string): PolicyNode | undefined {
    this.#asked.add(name);
    const node = this.#members.get(name);
    return node === undefined || isNull(node) ? undefined : node;
  }

  #at(name: string): string {
    return this.#place === '' ? name : `${this.#place}.${name}`;
  }
}

export function policyInvalid(line: number, message: string, hint?: string): GaitError {
  return invalidInput('policy_invalid', `line ${line}: ${message}`, hint, { line });
}

/** A text, or a number or truth value that is written in the one way that readers of YAML agree on. */
function textOf(node: PolicyNode, place: string): string {
  if (node.kind !== 'scalar' || node.value === null) throw wrong(node, place, 'text');
  if (String(node.value) === node.text) return node.text;
  throw policyInvalid(
    node.line,
    `${place} is ${node.text}, which is ${node.value} to readers of YAML`,
    'Put it in quotes.',
  );
}

function isNull(node: PolicyNode): boolean {
  return node.kind === 'scalar' && node.value === null;
}

function wrong(node: PolicyNode, place: string, what: string): GaitError {
  return policyInvalid(node.line, `${place === '' ? 'the policy' : place} is not ${what}`);
}
