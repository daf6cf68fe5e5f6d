import { CREDENTIAL_ACCESS_TYPES, CREDENTIAL_SOURCES } from '../intent/claims.ts';
import { PROVENANCE_SOURCES } from '../intent/intent.ts';
import { RISK_CLASSES } from '../intent/risk_classes.ts';
import { wantsBroker } from '../rules/judge.ts';
import { failsClosed } from '../rules/risk.ts';
import { TARGET_KINDS } from '../target/endpoint.ts';
import { asksForAgent } from './agent_rules.ts';
import { reachFindings } from './lint_reach.ts';
import type { Policy, Rule } from './policy.ts';
import { MAX_STEPS } from './script_rules.ts';

/** Something in a policy that is allowed, and that its author may not have meant. */
export interface PolicyWarning {
  readonly code: string;
  /** The rule that it is about; absent for the policy as a whole. */
  readonly rule?: string;
  readonly message: string;
}

/** What a careful reader would ask the author of a policy. */
export function lint(policy: Policy): PolicyWarning[] {
  return [...ofPolicy(policy), ...policy.rules.flatMap((rule, index) => ofRule(policy, rule, index))];
}

function ofPolicy(policy: Policy): PolicyWarning[] {
  const found: PolicyWarning[] = [];
  if (policy.default_verdict === 'allow') {
    found.push({ code: 'default_allows', message: 'what no rule is about is allowed' });
  }
  const { enabled, required_fields, required_high_risk_fields } = policy.fail_closed;
  if (!enabled && required_fields.length + required_high_risk_fields.length > 0) {
    const message = 'fail_closed names fields, and is not enabled: nothing asks for them';
    found.push({ code: 'fail_closed_off', message });
  }
  const { max_steps, require_approval_above: above } = policy.scripts;
  if (above > 0 && above >= (max_steps || MAX_STEPS)) {
    const message = 'scripts.require_approval_above is no less than max_steps: no script gets to it';
    found.push({ code: 'scripts_unreached', message });
  }
  const open = RISK_CLASSES.slice(2).filter((risk) => !failsClosed(policy, risk));
  if (open.length > 0 && policy.default_verdict !== 'block') {
    const message = `calls of ${open.join(' and ')} risk do not fail closed when they say too little`;
    found.push({ code: 'fail_open', message });
  }
  return found;
}

function ofRule(policy: Policy, rule: Rule, index: number): PolicyWarning[] {
  const { name, effect, match, endpoint } = rule;
  const grants = effect === 'allow' || effect === 'dry_run';
  const found: PolicyWarning[] = [];
  const warn = (code: string, message: string): void => void found.push({ code, rule: name, message });
  if (policy.rules.findIndex((other) => other.name === name) < index) {
    warn('name_twice', 'another rule has this name: reasons cannot tell them apart');
  }
  for (const [what, words, known] of closedLists(rule)) {
    const strange = words.filter((one) => !known.includes(one));
    if (strange.length === 0) continue;
    warn('word_unknown', `${what} names ${strange.join(', ')}, which no call can have`);
    if (strange.length === words.length && IN_MATCH.has(what))
      warn('never_matches', `matches no call: ${what} names nothing that a call can have`);
  }
  if (grants && isEmptyMatch(rule))
    warn('matches_all', `its match is empty: it says ${effect} to every call`);
  if (endpoint.destructive_action === 'require_approval' && endpoint.action === 'block') {
    warn(
      'destructive_blocks',
      'destructive_action: require_approval blocks all the same, since action is block by default',
    );
  }
  if (grants && match.require_delegation && policy.default_verdict === 'allow') {
    warn('delegation_by_default', 'a call without a delegation is blocked, though the default is allow');
  }
  if (grants && rule.min_approvals > 0) {
    warn('approvals_on_allow', `asks for ${rule.min_approvals} approvals: its effect is require_approval`);
  }
  if (grants && asksForAgent(rule.agent)) {
    warn('agent_claimed', `says ${effect} by what an agent says of itself, which nobody proves`);
  }
  if (
    grants &&
    !wantsBroker(rule) &&
    match.risk_classes.some((risk) => risk === 'high' || risk === 'critical')
  ) {
    warn(
      'unbrokered',
      'lets calls of high risk through without a credential of a broker; the profile oss-prod refuses that',
    );
  }
  for (const [code, message] of reachFindings(policy, rule)) warn(code, message);
  return found;
}

const IN_MATCH: ReadonlySet<string> = new Set(['target_kinds', 'destination_kinds', 'provenance_sources']);

/** Lists whose words are fixed, though the reader takes any. */
function closedLists({
  match,
  dataflow,
  credential,
}: Rule): [string, readonly string[], readonly string[]][] {
  return [
    ['target_kinds', match.target_kinds, TARGET_KINDS],
    ['destination_kinds', match.destination_kinds, TARGET_KINDS],
    ['provenance_sources', match.provenance_sources, PROVENANCE_SOURCES],
    ['dataflow.tainted_sources', dataflow.tainted_sources, PROVENANCE_SOURCES],
    ['dataflow.destination_kinds', dataflow.destination_kinds, TARGET_KINDS],
    ['allowed_credential_sources', credential.sources ?? [], CREDENTIAL_SOURCES],
    ['allowed_credential_access_types', credential.access_types ?? [], CREDENTIAL_ACCESS_TYPES],
  ];
}

function isEmptyMatch({ match }: Rule): boolean {
  return Object.values(match).every(
    (value) => value === false || value === null || (Array.isArray(value) && value.length === 0),
  );
}
