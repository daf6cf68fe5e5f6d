import { type EndpointClass, executes, inferredClass, isDestructive, namesDestruction } from './endpoint.ts';
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
  const folder = plain.endsWith('/**') ? plain.slice(0, -3) || '/' : plain === '**' ? '.' : undefined;
  if (folder !== undefined && !GLOB.test(folder)) {
    return (path) => isWithin(path, folder) || (folder === '.' && denies);
  }
  const exact = (path: string): boolean => path === plain;
  const glob = globOf(plain, { deep: denies });
  const whole = denies && folder !== undefined ? globOf(folder, { deep: true }) : undefined;
  const anywhere = denies && plain.startsWith('**/') ? globOf(plain.slice(3), { deep: true }) : undefined;
  return (path) => exact(path) || [glob, whole, anywhere].some((one) => one?.(path) === true);
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
  const bare = pattern.replace(/^\*\./, '');
  return !GLOB.test(bare) && domainOf(bare, true) === undefined ? 'is no domain' : undefined;
}

/** Where a call may go, and what it may do there. What cannot be judged is not let through. */
export function endpointFaults(
  rule: EndpointRule,
  { targets, tool_name, context }: Intent,
): { readonly codes: readonly string[]; readonly effect: Verdict } {
  const lists = listsOf(rule);
  const listed = rule.path_allowlist.length + rule.domain_allowlist.length > 0;
  const codes: string[] = listed && targets.length === 0 ? ['endpoint_no_targets'] : [];
  for (const target of targets) {
    const classes = classesOf(target, tool_name);
    if (isPathPlace(target, classes)) codes.push(...pathFaults(rule, lists, target.value, context.workspace));
    if (
      isNetworkPlace(target.kind, target.value) ||
      target.endpoint_domain !== undefined ||
      classes.some(isNetwork)
    ) {
      codes.push(...domainFaults(rule, lists, target));
    }
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
export function classesOf(
  { kind, operation = '', endpoint_class, value }: Target,
  toolName: string,
): EndpointClass[] {
  const inferred = inferredClass(isNetworkPlace(kind, value) ? 'url' : kind, operation, toolName);
  return inferred === endpoint_class || inferred === 'other' ? [endpoint_class] : [endpoint_class, inferred];
}

function destroys(targets: readonly Target[], toolName: string): boolean {
  if (namesDestruction(toolName)) return true;
  return targets.some((target) => {
    const { destructive, operation = '' } = target;
    const classes = classesOf(target, toolName);
    return (
      destructive === true || executes(operation) || classes.some((one) => isDestructive(one, operation))
    );
  });
}

function isPathPlace({ kind, value }: Target, classes: readonly EndpointClass[]): boolean {
  if (kind === 'path' || /^file:/i.test(value)) return true;
  return !isNetworkPlace(kind, value) && classes.some((one) => one.startsWith('fs.'));
}

function pathFaults(rule: EndpointRule, lists: Lists, value: string, workspace: string): string[] {
  const faults: string[] = [];
  const path = plainPath(value);
  if (rule.path_denylist.length > 0) {
    const inWorkspace = path?.startsWith('/') === false ? plainPath(`${workspace}/${path}`) : undefined;
    const places = [value, path, inWorkspace].filter((one) => one !== undefined);
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

function domainFaults(
  rule: EndpointRule,
  lists: Lists,
  { kind, value, endpoint_domain: declared }: Target,
): string[] {
  if (rule.domain_allowlist.length + rule.domain_denylist.length === 0) return [];
  const leads = isNetworkPlace(kind, value);
  const derived = leads ? domainOf(value, kind === 'host') : undefined;
  const said = declared === undefined ? undefined : (domainOf(declared, true) ?? declared);
  if (derived === undefined && (leads || said === undefined)) return ['endpoint_domain_underivable'];
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
