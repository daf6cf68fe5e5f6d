import type { EndpointRule, Match, Rule } from './policy.ts';

/** What to ask of what a rule is about: by code, in words. */
export type LintFinding = readonly [code: string, message: string];

/** The lists of a match. */
type MatchList = { [name in keyof Match]: Match[name] extends readonly string[] ? name : never }[keyof Match];

const LISTS: readonly MatchList[] = [
  'tool_names',
  'tool_patterns',
  'target_values',
  'target_patterns',
  'identities',
];

/** Where words are taken as they are written, and this one looks as if it were not meant so. */
export function literals({ match, endpoint }: Rule): LintFinding[] {
  const found: LintFinding[] = [];
  for (const [name, other] of LITERAL) {
    const [word] = match[name].filter((one) => one.includes('*'));
    if (word === undefined) continue;
    const where = other === undefined ? '' : `; patterns go into ${other}`;
    found.push(['pattern_literal', `${name} takes ${word} as it is written${where}`]);
  }
  for (const name of PATTERNS) {
    const [word] = match[name].filter((one) => /[?{}()|^[\]]|^~/.test(one));
    if (word !== undefined)
      found.push(['pattern_literal', `${name} takes all of ${word} but its stars as it is written`]);
  }
  const lists: readonly (readonly [string, readonly string[]])[] = [
    ...LISTS.map((name) => [name, match[name]] as const),
    ...(['path_allowlist', 'path_denylist', 'domain_allowlist', 'domain_denylist'] as const).map(
      (name) => [name, endpoint[name]] as const,
    ),
  ];
  for (const [name, words] of lists) {
    const [word] = words.filter((one) => /^[^{]*,/.test(one));
    if (word !== undefined)
      found.push([
        'pattern_literal',
        `${name} takes ${word} as one, with its comma: write one line for each`,
      ]);
  }
  found.push(...unlikeShells(endpoint), ...unlikely(endpoint));
  if (match.tool_names.includes('script'))
    found.push([
      'never_matches',
      'is about the tool script: a script is judged step by step, by the tool of each',
    ]);
  return found;
}

const PATTERNS = ['tool_patterns', 'target_patterns', 'identity_patterns'] as const;

/** A pattern without a folder denies in the workspace's own folder alone. */
export function shallow({ endpoint, effect }: Rule): LintFinding[] {
  if (effect === 'block') return [];
  const [word] = endpoint.path_denylist.filter((one) => !/^(?:\/|\*\*|[a-z]:)/i.test(one));
  if (word === undefined) return [];
  return [['pattern_shallow', `denies ${word} from the workspace's own folder on: **/${word} is everywhere`]];
}

const LITERAL: readonly (readonly [MatchList, string | undefined])[] = [
  ['tool_names', 'tool_patterns'],
  ['target_values', 'target_patterns'],
  ['destination_values', undefined],
  ['destination_operations', undefined],
  ['skill_publishers', undefined],
  ['delegation_scopes', undefined],
  ['allowed_delegator_identities', undefined],
  ['allowed_delegate_identities', undefined],
  ['data_classes', undefined],
  ['identities', 'identity_patterns'],
  ['workspace_prefixes', undefined],
];
/** What shells know in the paths of a list, and a list takes as it is written, or refuses to know. */
function unlikeShells({ path_allowlist, path_denylist }: EndpointRule): LintFinding[] {
  return [...path_allowlist, ...path_denylist].flatMap((one): LintFinding[] => {
    if (/\[!|\[\[[:.=]/.test(one))
      return [['pattern_literal', `${one} takes a set as it is written: [^a-z] is any other`]];
    if (/[@+!?*]\(/.test(one)) return [['pattern_literal', `${one} takes its brackets as they are written`]];
    if (/\$\w/.test(one)) return [['pattern_literal', `${one} takes its variable as it is written`]];
    return [];
  });
}

/** What is no name of a host that anybody has, and looks like a block of addresses, a sort of them, or a port. */
function unlikely({ domain_allowlist, domain_denylist }: EndpointRule): LintFinding[] {
  return [...domain_allowlist, ...domain_denylist].flatMap((one): LintFinding[] => {
    if (/^\d+(?:\.\d+){0,2}\.?$/.test(one))
      return [['pattern_literal', `${one} is one address: write a block of them, such as 10.0.0.0/8`]];
    if (/^[^[]*:[*?\d]*$/.test(one))
      return [['pattern_literal', `${one} has a port, which no domain has: ports is a list`]];
    if (/^[a-z0-9_-]+$/i.test(one) && !SOLE.has(one.toLowerCase()))
      return [
        [
          'pattern_literal',
          `${one} is the one host of that name: private, loopback and link-local are sorts`,
        ],
      ];
    return [];
  });
}

const SOLE: ReadonlySet<string> = new Set(['localhost', 'private', 'loopback', 'link-local']);
