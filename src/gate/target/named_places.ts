import { sameName } from '../../core/text.ts';
import type { Target } from '../intent/intent.ts';
import { domainOf, plainUrl } from './domains.ts';
import { between, type Pattern, type Work } from './glob.ts';
import { type Places, placesOf } from './meanings.ts';
import { isNetworkPlace, leadsUp, plainPath } from './places.ts';
import { isGlob, isVariable, type Surroundings } from './readings.ts';

/** `maybe`: nobody can tell. */
export type Named = 'yes' | 'maybe' | 'no';

/** Whether one of these values is what a target comes to, however either is spelled. */
export function namesPlace(
  values: readonly string[],
  target: Target,
  surroundings: Surroundings,
  work: Work,
): Named {
  const { value } = target;
  if (values.includes(value)) return 'yes';
  const places = placesOf(target, surroundings);
  for (const wanted of values) {
    const path = plainPath(wanted);
    if (path !== undefined && places.plain.has(path)) return 'yes';
    const other = plainUrl(wanted);
    if (other !== undefined && /[/.:]/.test(wanted) && places.urls.has(other)) return 'yes';
    if (places.hosts.has(wanted) || (isBareDomain(wanted) && places.hosts.has(domainOf(wanted, true) ?? '')))
      return 'yes';
  }
  if (isLost(target, places)) return 'maybe';
  for (const wanted of values) {
    const path = plainPath(wanted);
    if (path !== undefined && places.patterns.some((pattern) => pattern.fits(path, work))) return 'maybe';
  }
  return 'no';
}

/** True for a target of which nobody can tell what it comes to. */
function isLost({ kind, value }: Target, { anywhere }: Places): boolean {
  return anywhere || (isNetworkPlace(kind, value) && plainUrl(value) === undefined);
}

const COMPILED = new WeakMap<readonly string[], readonly Pattern[]>();

/** Patterns in which `*` is any text: by list, since policies live longer than calls. */
function compiled(patterns: readonly string[]): readonly Pattern[] {
  const known = COMPILED.get(patterns) ?? patterns.map((pattern) => between(pattern.split('*')));
  COMPILED.set(patterns, known);
  return known;
}

/** Whether one of these patterns, in which `*` is any text, holds for anything that a target comes to. */
export function fitsPlace(
  patterns: readonly string[],
  target: Target,
  surroundings: Surroundings,
  work: Work,
): Named {
  if (patterns.length === 0) return 'no';
  const each = compiled(patterns);
  const places = placesOf(target, surroundings);
  const texts = [target.value, ...places.plain, ...places.hosts, ...places.urls];
  if (each.some((pattern) => texts.some((text) => pattern.fits(text, work)))) return 'yes';
  if (isLost(target, places)) return 'maybe';
  const alike = each.some((pattern) => {
    return (
      pattern.fits(sameName(target.value), work) || places.patterns.some((set) => set.meets(pattern, work))
    );
  });
  return alike ? 'maybe' : 'no';
}

/**
 * True if one of these patterns holds for a target in the one form of what it comes to, and it comes to one thing: no two
 * commands, no variable, no way up, no URL that a browser takes elsewhere.
 */
export function isSurely(patterns: readonly string[], { kind, value }: Target, work: Work): boolean {
  if (patterns.length === 0 || SEVERAL.test(value) || leadsUp(value)) return false;
  const each = compiled(patterns);
  const fits = (text: string): boolean => each.some((pattern) => pattern.fits(text, work));
  if (!fits(value)) return false;
  if (!isNetworkPlace(kind, value)) {
    const path = plainPath(value);
    return kind !== 'path' || (path !== undefined && !isVariable(value) && !isGlob(value) && fits(path));
  }
  const url = plainUrl(value);
  if (url === undefined) return false;
  return fits(url) || fits(url.replace(/^http:\/\//, '')) || fits(url.replace(/^http:\/\/|\/$/g, ''));
}

/** What joins commands, or puts another text in the place of one. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a newline ends a command
const SEVERAL = /[;&|<>$`(){}\\\x00-\x1f]/;

function isBareDomain(value: string): boolean {
  return (
    (/^[^/\s:@]+$/.test(value) && value.slice(1, -1).includes('.')) ||
    /^\[?[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*\]?$/i.test(value)
  );
}
