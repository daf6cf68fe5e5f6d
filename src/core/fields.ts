import { invalidInput } from './errors.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { NEVER, zonedTime } from './time.ts';

/**
 * Takes a JSON object that another program wrote apart, member by member. What is missing, null, or empty text is
 * absent; what is of the wrong type is refused with its place; what nobody asked for is remembered in `ignored`.
 */
export class Fields {
  readonly #object: JsonObject;
  readonly #place: string;
  readonly #contract: string;
  readonly #known = new Set<string>();

  /** `contract` is the page that says what belongs there. */
  constructor(value: Json | undefined, place: string, contract: string) {
    this.#contract = contract;
    if (value !== undefined && value !== null && !isJsonObject(value)) throw wrongType(place, 'an object');
    this.#object = value ?? {};
    this.#place = place;
  }

  text(name: string): string | undefined {
    const value = this.#take(name);
    if (value !== undefined && typeof value !== 'string') throw wrongType(this.at(name), 'text');
    return value === '' ? undefined : value;
  }

  need(name: string): string {
    const text = this.text(name)?.trim() ?? '';
    if (text !== '') return text;
    this.ignored(); // it may be there, in another case
    throw invalidInput('record_invalid', `${this.at(name)} is missing`, `See ${this.#contract}.`);
  }

  flag(name: string): boolean | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === 'boolean') return value;
    throw wrongType(this.at(name), 'true or false');
  }

  count(name: string): number | undefined {
    const value = this.#take(name);
    if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0))
      return value;
    throw wrongType(this.at(name), 'a whole number of 0 or more');
  }

  /** When something was made: absent too where nobody set it. */
  stamp(name: string): string | undefined {
    const time = this.time(name);
    return time === NEVER ? undefined : time;
  }

  /** An instant, in the one spelling of run documents. */
  time(name: string): string | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const time = zonedTime(text);
    if (time !== undefined) return time;
    throw invalidInput(
      'record_invalid',
      `${this.at(name)} is not an RFC 3339 timestamp: ${JSON.stringify(text)}`,
    );
  }

  object(name: string): JsonObject | undefined {
    const value = this.#take(name);
    if (value === undefined || isJsonObject(value)) return value;
    throw wrongType(this.at(name), 'an object');
  }

  list(name: string): readonly Json[] | undefined {
    const value = this.#take(name);
    if (value === undefined || Array.isArray(value)) return value as readonly Json[] | undefined;
    throw wrongType(this.at(name), 'a list');
  }

  /** The objects of a list, each to be taken apart. */
  each(name: string): readonly Fields[] {
    return (this.list(name) ?? []).map(
      (item, index) => new Fields(item, `${this.at(name)}[${index}]`, this.#contract),
    );
  }

  inside(name: string): Fields {
    return new Fields(this.object(name), this.at(name), this.#contract);
  }

  /**
   * The members that nobody asked for. Throws `record_ambiguous` if one of them is spelled as another that was, but for
   * case: some readers would take it for that.
   */
  ignored(): string[] {
    const meantBy = new Map([...this.#known].map((name) => [folded(name), name]));
    const strangers = Object.keys(this.#object).filter((name) => !this.#known.has(name));
    for (const name of strangers) {
      const meant = meantBy.get(folded(name));
      if (meant === undefined) continue;
      const hint = `Write ${meant}.`;
      throw invalidInput('record_ambiguous', `${this.at(name)} differs from ${meant} only by case`, hint);
    }
    return strangers.map((name) => this.at(name));
  }

  #take(name: string): Json | undefined {
    this.#known.add(name);
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
    return value === null ? undefined : value;
  }

  /** Where a member stands, for messages. */
  at(name: string): string {
    return this.#place === '' ? name : `${this.#place}.${name}`;
  }
}

/** As the least careful readers fold: the long s and the sign of Kelvin are letters like others. */
function folded(name: string): string {
  return name.toUpperCase().toLowerCase();
}

function wrongType(place: string, what: string): Error {
  return invalidInput('record_invalid', `${place === '' ? 'the input' : place} is not ${what}`);
}
