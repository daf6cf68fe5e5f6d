import type { TargetKind } from '../target/endpoint.ts';
import { mayBeOfKind } from '../target/likeness.ts';
import { placesOf } from '../target/meanings.ts';
import { fitsPlace, isSurely, namesPlace } from '../target/named_places.ts';
import { isAbove } from '../target/path_patterns.ts';
import { isAbsolute, plainPath } from '../target/places.ts';
import { goesInto } from './endpoint_lists.ts';
import type { Facts } from './facts.ts';

/** A rule that restricts holds for a value however it is spelled. */
export function named(wanted: readonly string[], facts: Facts, grants: boolean): boolean | 'maybe' {
  const { targets, surroundings, work } = facts;
  if (wanted.length === 0 || targets.some(({ value }) => wanted.includes(value))) return true;
  if (grants) return false;
  const each = targets.map((target) => namesPlace(wanted, target, surroundings, work));
  return each.includes('yes') || (each.includes('maybe') && 'maybe');
}

/** A rule that restricts a kind holds for whatever may be of it. */
export function ofKind(wanted: readonly string[], facts: Facts, grants: boolean): boolean | 'maybe' {
  const { kinds, targets, surroundings } = facts;
  if (wanted.length === 0 || kinds.some((kind) => wanted.includes(kind))) return true;
  if (grants) return false;
  const may = (kind: string): boolean =>
    targets.some((target) => mayBeOfKind(target, kind as TargetKind, surroundings));
  return wanted.some(may) && 'maybe';
}

/** The folders that a text names before its first name with a star. */
function beforeStars(text: string): string {
  const star = text.indexOf('*');
  return star === -1 ? text : text.slice(0, text.lastIndexOf('/', star) + 1);
}

/** True for what goes into a folder in which one of these lies, as far as its text says. */
function isAboveOne(named: readonly string[], { targets, tools, surroundings, work }: Facts): boolean {
  const folders = named.flatMap((text) => plainPath(beforeStars(text)) ?? []).filter(isAbsolute);
  return targets.some((target) => {
    if (!goesInto(target, tools[0] ?? '')) return false;
    const places = placesOf(target, surroundings);
    return folders.some((folder) => isAbove(places, folder, surroundings.workspace, work));
  });
}

/** Values as they are written, or patterns of them. */
export function isTarget(
  values: readonly string[],
  patterns: readonly string[],
  facts: Facts,
  grants: boolean,
): boolean | 'maybe' {
  if (values.length + patterns.length === 0) return true;
  const { targets, surroundings, work } = facts;
  const byName = values.length > 0 && named(values, facts, grants);
  if (grants) return byName === true || targets.some((target) => isSurely(patterns, target, work));
  const each = targets.map((target) => fitsPlace(patterns, target, surroundings, work));
  if (isAboveOne([...values, ...patterns], facts)) return true;
  return (
    byName === true || each.includes('yes') || ((byName === 'maybe' || each.includes('maybe')) && 'maybe')
  );
}
