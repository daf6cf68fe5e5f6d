import type { Intent, Target } from '../intent/intent.ts';
import { type EndpointRule, isNetwork } from '../policy/policy.ts';
import { actsOf, destruction, namesDestruction, reachesInto } from '../target/acts.ts';
import { mayBeCommand } from '../target/command_words.ts';
import { domainOf, domainPattern, portOf, schemeOf, soleDomainOf, WEB_SCHEMES } from '../target/domains.ts';
import {
  classOfOperation,
  type EndpointClass,
  inferredClass,
  isDestructive,
  writtenDomain,
} from '../target/endpoint.ts';
import type { Glob, Work } from '../target/glob.ts';
import { mayBeOfKind } from '../target/likeness.ts';
import { type Places, placesOf, surroundingsOf } from '../target/meanings.ts';
import {
  type DenialLook,
  isDenied,
  type PathAllowed,
  type PathDenied,
  pathAllowed,
  pathDenied,
} from '../target/path_patterns.ts';
import { hidesWayUp, isNetworkPlace, plainPath } from '../target/places.ts';
import { isGlob, isVariable, withoutBraces } from '../target/readings.ts';
import { stricter, type Verdict } from '../verdict.ts';
import type { Look } from './asked.ts';

/** What a list looks like once its patterns are plain: by rule, since policies live longer than calls. */
interface Lists {
  readonly pathsAllowed: readonly PathAllowed[];
  readonly pathsDenied: readonly PathDenied[];
  readonly domainsAllowed: readonly Glob[];
  readonly domainsDenied: readonly Glob[];
}

const COMPILED = new WeakMap<EndpointRule, Lists>();

function listsOf(rule: EndpointRule): Lists {
  const known = COMPILED.get(rule);
  if (known !== undefined) return known;
  const lists = {
    pathsAllowed: rule.path_allowlist.map(pathAllowed),
    pathsDenied: rule.path_denylist.map(pathDenied),
    domainsAllowed: rule.domain_allowlist.map(domainPattern),
    domainsDenied: rule.domain_denylist.map(domainPattern),
  };
  COMPILED.set(rule, lists);
  return lists;
}

/** Where a call may go, and what it may do there. What cannot be judged is not let through. */
export function endpointFaults(
  rule: EndpointRule,
  intent: Intent,
  look: Look,
): { readonly codes: readonly string[]; readonly effect: Verdict } {
  const { targets, tool_name, context } = intent;
  const surroundings = surroundingsOf(intent, look);
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
    const places = placesOf(target, surroundings);
    const reaches = goesInto(target, tool_name);
    const isCommand = mayBeCommand(target, tool_name);
    const denial = { reaches, isCommand, workspace: context.workspace, work: look.work };
    if (isDeniedPath(lists, places, denial)) codes.push('endpoint_path_denied');
    if (asPath && allowsPaths && (isCommand || !isAllowedPath(lists, target.value, look.work)))
      codes.push('endpoint_path_not_allowlisted');
    codes.push(...domainFaults(rule, lists, target, { places, asDomain, isCommand }));
    const unlisted = (asPath && !allowsPaths && allowsDomains) || (asDomain && !allowsDomains && allowsPaths);
    if (unlisted) codes.push('endpoint_target_unlisted'); // only the other kind of place is allowed
    const outside = (one: EndpointClass): boolean => isNetwork(one) && !rule.egress_classes.includes(one);
    const mayLeave = !leads && mayBeOfKind(target, 'url', surroundings);
    const all = mayLeave ? [...classes, 'net.http' as const] : classes;
    if (rule.egress_classes.length > 0 && all.some(outside)) codes.push('endpoint_egress_class_not_allowed');
  }
  const sends = targets.length === 0 && actsOf(tool_name).has('sends');
  if (rule.egress_classes.length > 0 && sends && !rule.egress_classes.includes('net.http'))
    codes.push('endpoint_egress_class_not_allowed');
  const action = rule.action || 'block';
  if (rule.destructive_action === '' || !destroys(targets, tool_name)) return { codes, effect: action };
  return {
    codes: [...codes, 'endpoint_destructive_operation'],
    effect: stricter(action, rule.destructive_action),
  };
}

/** True if what is done to a folder is done to what is in it. */
export function goesInto({ destructive, operation = '' }: Target, toolName: string): boolean {
  return destructive === true || reachesInto(operation, toolName);
}

/** The class that a target is said to be of, and the one that it looks to be of. */
export function classesOf(target: Target, toolName: string): EndpointClass[] {
  const { kind, operation = '', endpoint_class, value, destructive } = target;
  const leads = isNetworkPlace(kind, value);
  const looks = [
    inferredClass(leads ? 'url' : kind, operation, toolName),
    leads ? undefined : classOfOperation(operation),
    namesDestruction(operation) && (!leads || actsOf(operation).has('executes'))
      ? destruction(operation)
      : undefined,
    namesDestruction(toolName) || (destructive === true && !leads) ? destruction(toolName) : undefined,
    ...byWords(target, leads),
    mayBeCommand(target, toolName) ? 'proc.exec' : undefined,
  ];
  const told = looks.filter((one) => one !== undefined && one !== 'other');
  return [...new Set([endpoint_class, ...(told as EndpointClass[])])];
}

/** What an operation does by its words, beyond those of its class. */
function byWords({ kind, operation = '' }: Target, leads: boolean): EndpointClass[] {
  const acts = actsOf(operation);
  const isFile = !leads && (kind === 'path' || kind === 'other');
  return [
    ...(acts.has('writes') && isFile ? (['fs.write'] as const) : []),
    ...(acts.has('sends') ? (['net.http'] as const) : []),
  ];
}

/** True if a call destroys something, whatever it says: by a target's class or operation, or by the name of the tool. */
export function destroys(targets: readonly Target[], toolName: string): boolean {
  if (namesDestruction(toolName)) return true;
  return targets.some((target) => {
    const { destructive, operation = '' } = target;
    if (destructive === true || namesDestruction(operation) || classOfOperation(operation) === 'proc.exec')
      return true;
    return classesOf(target, toolName).some((one) => isDestructive(one, operation));
  });
}

/** Whatever the target is said to be: any of the places that it may name is enough. */
function isDeniedPath({ pathsDenied }: Lists, places: Places, look: DenialLook): boolean {
  if (pathsDenied.length === 0) return false;
  return places.anywhere || pathsDenied.some((denied) => isDenied(denied, places, look));
}

/** Only what has one meaning is let through: all that a value with glob characters may match. */
function isAllowedPath({ pathsAllowed }: Lists, value: string, work: Work): boolean {
  const isListed = (path: string): boolean => pathsAllowed.some((isAllowed) => isAllowed(path, work));
  if (isVariable(value) || hidesWayUp(value)) return false;
  const each = isGlob(value) ? [value, ...(withoutBraces(value) ?? [])] : [value];
  if (isGlob(value) && withoutBraces(value) === undefined) return false;
  return each.every((one) => {
    const path = plainPath(one);
    if (path === undefined || !isListed(path) || PLACES.test(one)) return false;
    // Two stars may stand for no folder: what leads up from them is not known.
    if (isGlob(one) && one.split('/').includes('..')) return false;
    if (!isGlob(path)) return true;
    // What it may match lies in the folder before its first glob character, unless a part of it is two dots.
    const parts = path.split('/');
    const folder = parts.slice(0, parts.findIndex(isGlob)).join('/') || (path.startsWith('/') ? '/' : '.');
    return (
      !parts.some((part) => part.startsWith('.') && isGlob(part)) &&
      isListed(`${folder}/${ANY_NAME}/${ANY_NAME}`)
    );
  });
}

/** Behind a colon another path begins, to some; one letter before it is a drive. */
const PLACES = /..:[/\\~]/;

/** A name that no list names: a list that lets it through lets everything through there. */
const ANY_NAME = '\u{10ffff}';

/** What is known of a target before lists of domains look at it. */
interface DomainLook {
  readonly places: Places;
  /** It leads to the network, or is said to. */
  readonly asDomain: boolean;
  /** It may be a command, whose hosts are those of its words. */
  readonly isCommand: boolean;
}

/** Another place behind white space, an option, or what a shell puts a text in the place of: the first host is one of several. */
function mayHaveMoreHosts(value: string): boolean {
  return /\s(?:-|[^\s.:/\\=@]*[.:/\\=@])|\$[({]|`/.test(value);
}

function domainFaults(
  rule: EndpointRule,
  lists: Lists,
  { kind, value, endpoint_domain: declared }: Target,
  { places: { hosts, anyHost }, asDomain, isCommand }: DomainLook,
): string[] {
  if (rule.domain_allowlist.length + rule.domain_denylist.length === 0) return [];
  const isDeniedHost = (one: string): boolean => lists.domainsDenied.some((isListed) => isListed(one));
  const isDenied = (anyHost && rule.domain_denylist.length > 0) || [...hosts].some(isDeniedHost);
  const found = isDenied ? ['endpoint_domain_denied'] : [];
  if (!asDomain) return found;
  const allows = rule.domain_allowlist.length > 0;
  if (isCommand && !allows) return found; // it leads to no one place
  if (allows && (isCommand || mayHaveMoreHosts(value))) found.push('endpoint_domain_not_allowlisted');
  const leads = isNetworkPlace(kind, value);
  const derived = leads ? soleDomainOf(value, kind === 'host') : undefined;
  // What was only inferred, by rules that can be misled, is nobody's claim.
  const claimed = declared === writtenDomain(kind, value) ? undefined : declared;
  const said = claimed === undefined ? undefined : (domainOf(claimed, true) ?? claimed);
  const believed = said !== undefined && !leads && !allows;
  if (derived === undefined && !believed) return [...found, 'endpoint_domain_underivable'];
  if (!allows) return found;
  const domains = [derived, said].filter((one) => one !== undefined);
  const isListed = domains.every((one) => lists.domainsAllowed.some((isAllowed) => isAllowed(one)));
  const isSchemeListed = (rule.schemes.length > 0 ? rule.schemes : WEB_SCHEMES).includes(schemeOf(value));
  const isPortListed = rule.ports.length === 0 || rule.ports.some((port) => port === portOf(value));
  return [
    ...found,
    ...(isListed ? [] : ['endpoint_domain_not_allowlisted']),
    ...(isSchemeListed ? [] : ['endpoint_scheme_not_allowed']),
    ...(isPortListed ? [] : ['endpoint_port_not_allowed']),
  ];
}
