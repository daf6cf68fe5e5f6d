import { domainOf } from './domains.ts';
import type { Work } from './glob.ts';
import type { Target } from './intent.ts';
import { placesOf } from './meanings.ts';
import { isNetworkPlace, plainPath } from './places.ts';
import type { Surroundings } from './readings.ts';

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
  const url = plainUrl(value);
  for (const wanted of values) {
    const path = plainPath(wanted);
    if (path !== undefined && places.plain.has(path)) return 'yes';
    if (url !== undefined && plainUrl(wanted) === url) return 'yes';
    if (places.hosts.has(wanted) || (isBareDomain(wanted) && places.hosts.has(domainOf(wanted, true) ?? '')))
      return 'yes';
  }
  if (places.anywhere || (isNetworkPlace(target.kind, value) && url === undefined)) return 'maybe';
  for (const wanted of values) {
    const path = plainPath(wanted);
    if (path !== undefined && places.patterns.some((pattern) => pattern.fits(path, work))) return 'maybe';
  }
  return 'no';
}

function isBareDomain(value: string): boolean {
  return /^[^/\s:@]+\.[^/\s:@]+$/.test(value);
}

/** A URL with its scheme, domain and path in their one form. */
function plainUrl(value: string): string | undefined {
  const domain = domainOf(value, true);
  if (domain === undefined || value.includes('@')) return undefined;
  try {
    const { protocol, port, pathname, search } = new URL(value.includes('://') ? value : `http://${value}`);
    const path = pathname.replaceAll(/%([2-7][0-9a-f])/gi, (escaped, digits: string) => {
      const point = String.fromCharCode(Number.parseInt(digits, 16));
      return /[A-Za-z0-9._~-]/.test(point) ? point : escaped; // RFC 3986 §6.2.2.2
    });
    return `${protocol}//${domain}${port === '' ? '' : `:${port}`}${path === '' ? '/' : path}${search}`;
  } catch {
    return undefined;
  }
}
