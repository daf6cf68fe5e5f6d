import {
  classOfOperation,
  type EndpointClass,
  inferredClass,
  isDestructive,
  namesDestruction,
  writtenDomain,
} from './endpoint.ts';
import { type Glob, globOf } from './glob.ts';
import type { Intent, Target } from './intent.ts';
import { domainOf, isNetworkPlace, isWithin, plainPath } from './places.ts';
import { type EndpointRule, isNetwork, stricter, type Verdict } from './policy.ts';

/** What a list looks like once its patterns are plain: by rule, since policies live longer than calls. */
interface Lists {
  readonly pathsAllowed: readonly Glob[];
  readonly pathsDenied: readonly Glob[];
  readonly domainsAllowed: readonly Glob[];
  readonly domainsDenied: readonly Glob[];
}

const COMPILED = new WeakMap<EndpointRule, Lists>();

function listsOf(rule: EndpointRule): Lists {
  const known = COMPILED.get(rule);
  if (known !== undefined) return known;
  const lists = {
    pathsAllowed: rule.path_allowlist.map((pattern) => pathPattern(pattern, false)),
    pathsDenied: rule.path_denylist.map((pattern) => pathPattern(pattern, true)),
    domainsAllowed: rule.domain_allowlist.map(domainPattern),
    domainsDenied: rule.domain_denylist.map(domainPattern),
  };
  COMPILED.set(rule, lists);
  return lists;
}

const GLOB = /[*?[\\]/;

/**
 * A path, a folder with all that is in it (`P/**`), or a glob. What denies takes two stars for any number of folders
 * wherever they stand; what allows takes them so only at the end.
 */
function pathPattern(pattern: string, denies: boolean): Glob {
  const plain = plainPattern(pattern);
  if (plain === '**') return () => true;
  const folder = plain.endsWith('/**') ? plain.slice(0, -3) || '/' : undefined;
  if (folder !== undefined && !GLOB.test(folder)) return (path) => isWithin(path, folder);
  const patterns = denies && folder !== undefined ? [plain, folder] : [plain];
  const globs = patterns.map((one) => globOf(one, { deep: denies }));
  return (path) => path === plain || globs.some((one) => one?.(path) === true);
}

/** Without what makes two spellings of one path; escapes of a glob stay. */
function plainPattern(pattern: string): string {
  if (GLOB.test(pattern.replaceAll('*', ''))) return pattern;
  return plainPath(pattern) ?? pattern;
}

/** A domain, all below one (`*.x`), or a glob. */
function domainPattern(pattern: string): Glob {
  const below = /^\*\.([^*?[\\]+)$/.exec(pattern)?.[1];
  if (below !== undefined) {
    const parent = domainOf(below, true) ?? below;
    return (domain) => domain.endsWith(`.${parent}`);
  }
  if (GLOB.test(pattern)) return globOf(pattern) ?? (() => false);
  const plain = domainOf(pattern, true) ?? pattern;
  return (domain) => domain === plain;
}

/** Why a pattern of a list could never hold for what it looks like; undefined for one that can. */
export function patternFault(pattern: string, of: 'path' | 'domain'): string | undefined {
  if (globOf(pattern) === undefined) return 'is a malformed glob';
  if (of === 'path') {
    return !GLOB.test(pattern) && plainPath(pattern) === undefined
      ? 'is no path that a call can have'
      : undefined;
  }
  if (pattern.startsWith('.')) return 'begins with a dot';
  const bare = pattern.replace(/^\*\./, '').replace(/^[a-z][a-z0-9+.-]*:\/\//, '');
  if (bare.includes('/')) return 'is more than a domain';
  if (/^[^:]*:\d+$/.test(bare)) return 'has a port, which domains have not';
  return !GLOB.test(bare) && domainOf(bare, true) === undefined ? 'is no domain' : undefined;
}

/** Where a call may go, and what it may do there. What cannot be judged is not let through. */
export function endpointFaults(
  rule: EndpointRule,
  { targets, tool_name, context }: Intent,
): { readonly codes: readonly string[]; readonly effect: Verdict } {
  const lists = listsOf(rule);
  const allowsPaths = rule.path_allowlist.length > 0;
  const allowsDomains = rule.domain_allowlist.length > 0;
  const codes: string[] =
    (allowsPaths || allowsDomains) && targets.length === 0 ? ['endpoint_no_targets'] : [];
  for (const target of targets) {
    const classes = classesOf(target, tool_name);
    const leads = isNetworkPlace(target.kind, target.value) && !/^file:/i.test(target.value);
    const asDomain = leads || target.endpoint_domain !== undefined || classes.some(isNetwork);
    const asPath =
      !leads && (!asDomain || target.kind === 'path' || classes.some((one) => one.startsWith('fs.')));
    if (asPath) codes.push(...pathFaults(rule, lists, target.value, context.workspace));
    if (asDomain) codes.push(...domainFaults(rule, lists, target));
    const unlisted = (asPath && !allowsPaths && allowsDomains) || (asDomain && !allowsDomains && allowsPaths);
    if (unlisted) codes.push('endpoint_target_unlisted'); // only the other kind of place is allowed
    const outside = (one: EndpointClass): boolean => isNetwork(one) && !rule.egress_classes.includes(one);
    if (rule.egress_classes.length > 0 && classes.some(outside))
      codes.push('endpoint_egress_class_not_allowed');
  }
  const action = rule.action || 'block';
  if (rule.destructive_action === '' || !destroys(targets, tool_name)) return { codes, effect: action };
  return {
    codes: [...codes, 'endpoint_destructive_operation'],
    effect: stricter(action, rule.destructive_action),
  };
}

/** The class that a target is said to be of, and the one that it looks to be of. */
export function classesOf(target: Target, toolName: string): EndpointClass[] {
  const { kind, operation = '', endpoint_class, value, destructive } = target;
  const leads = isNetworkPlace(kind, value);
  const looks = [
    inferredClass(leads ? 'url' : kind, operation, toolName),
    leads ? undefined : classOfOperation(operation),
    namesDestruction(toolName) || (destructive === true && !leads) ? destruction(toolName) : undefined,
  ];
  const told = looks.filter((one) => one !== undefined && one !== 'other');
  return [...new Set([endpoint_class, ...(told as EndpointClass[])])];
}

/** What a tool does that destroys, by its name. */
function destruction(toolName: string): EndpointClass {
  return /exec|spawn|shell/.test(toolName) ? 'proc.exec' : 'fs.delete';
}

/** True if a call destroys something, whatever it says: by a target's class or operation, or by the name of the tool. */
export function destroys(targets: readonly Target[], toolName: string): boolean {
  if (namesDestruction(toolName)) return true;
  return targets.some((target) => {
    const { destructive, operation = '' } = target;
    if (destructive === true || classOfOperation(operation) === 'proc.exec') return true;
    return classesOf(target, toolName).some((one) => isDestructive(one, operation));
  });
}

function pathFaults(rule: EndpointRule, lists: Lists, value: string, workspace: string): string[] {
  const faults: string[] = [];
  const path = plainPath(value);
  if (rule.path_denylist.length > 0) {
    const home = plainPath(workspace);
    const places = [
      value,
      path,
      path === undefined ? undefined : below(home, path),
      within(home, path),
    ].filter((one) => one !== undefined);
    const denied =
      path === undefined || places.some((place) => lists.pathsDenied.some((isListed) => isListed(place)));
    if (denied) faults.push('endpoint_path_denied');
  }
  if (
    rule.path_allowlist.length > 0 &&
    (path === undefined || !lists.pathsAllowed.some((isListed) => isListed(path)))
  ) {
    faults.push('endpoint_path_not_allowlisted');
  }
  return faults;
}

/** A relative path, from the workspace on. */
function below(home: string | undefined, path: string): string | undefined {
  return path.startsWith('/') || home === undefined ? undefined : plainPath(`${home}/${path}`);
}

/** An absolute path in the workspace, relative to it. */
function within(home: string | undefined, path: string | undefined): string | undefined {
  return home !== undefined && path?.startsWith(`${home}/`) === true
    ? path.slice(home.length + 1)
    : undefined;
}

function domainFaults(
  rule: EndpointRule,
  lists: Lists,
  { kind, value, endpoint_domain: declared }: Target,
): string[] {
  if (rule.domain_allowlist.length + rule.domain_denylist.length === 0) return [];
  const leads = isNetworkPlace(kind, value);
  const derived = leads ? domainOf(value, kind === 'host') : undefined;
  // What was only inferred, by rules that can be misled, is nobody's claim.
  const claimed = declared === writtenDomain(kind, value) ? undefined : declared;
  const said = claimed === undefined ? undefined : (domainOf(claimed, true) ?? claimed);
  const believed = said !== undefined && !leads && rule.domain_allowlist.length === 0;
  if (derived === undefined && !believed) return ['endpoint_domain_underivable'];
  const domains = [derived, said].filter((one) => one !== undefined);
  const faults: string[] = [];
  if (domains.some((one) => lists.domainsDenied.some((isListed) => isListed(one))))
    faults.push('endpoint_domain_denied');
  if (
    rule.domain_allowlist.length > 0 &&
    !domains.every((one) => lists.domainsAllowed.some((isListed) => isListed(one)))
  ) {
    faults.push('endpoint_domain_not_allowlisted');
  }
  return faults;
}
