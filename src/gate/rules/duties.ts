import { isDeepStrictEqual } from 'node:util';
import { wordList } from '../../core/text.ts';
import { ANY_CREDENTIAL, bothCredentialRules, type CredentialRules } from '../policy/credential_rules.ts';
import type { RateLimit } from '../policy/policy.ts';

/** What must be proven before a call may run: of all rules that matched, whichever of them decided. */
export interface Obligations {
  /** How many must approve; 0 for nobody. */
  readonly approvals: number;
  readonly distinct_approvers: boolean;
  readonly delegation: boolean;
  /** For each rule that asks for a delegation, the scopes of which it wants one: those that it names, else those of the tool. */
  readonly delegation_scopes: readonly (readonly string[])[];
  /** A rule was passed over for want of a delegation, and would have been met otherwise. */
  readonly undelegated: boolean;
  /** A credential, of one of these and for these; null for none. */
  readonly broker: { readonly references: readonly string[]; readonly scopes: readonly string[] } | null;
  /** What the credential must be: `receiptFaults` looks at it once there is one. */
  readonly credential: CredentialRules;
  readonly rate_limits: readonly RateLimit[];
  /** Counted apart from the limits; none for a call that destroys nothing. */
  readonly destructive_budgets: readonly RateLimit[];
}

export const NO_DUTIES: Obligations = {
  approvals: 0,
  distinct_approvers: false,
  delegation: false,
  delegation_scopes: [],
  undelegated: false,
  broker: null,
  credential: ANY_CREDENTIAL,
  rate_limits: [],
  destructive_budgets: [],
};

/** Whoever owes both owes all of either. */
export function bothDuties(one: Obligations, other: Obligations): Obligations {
  const brokers = [one.broker, other.broker].filter((broker) => broker !== null);
  return {
    approvals: Math.max(one.approvals, other.approvals),
    distinct_approvers: one.distinct_approvers || other.distinct_approvers,
    delegation: one.delegation || other.delegation,
    delegation_scopes: eachOnce([...one.delegation_scopes, ...other.delegation_scopes]),
    undelegated: one.undelegated || other.undelegated,
    broker:
      brokers.length === 0
        ? null
        : {
            references: wordList(brokers.flatMap(({ references }) => references)),
            scopes: wordList(brokers.flatMap(({ scopes }) => scopes)),
          },
    credential: bothCredentialRules(one.credential, other.credential),
    rate_limits: eachOnce([...one.rate_limits, ...other.rate_limits]),
    destructive_budgets: eachOnce([...one.destructive_budgets, ...other.destructive_budgets]),
  };
}

/** The scopes of which a delegation has to name one to be for a tool: the tool itself, or what it does, the last word of its name. */
export function ownScopes(toolName: string): string[] {
  return [`tool:${toolName}`, toolName.split('.').at(-1) ?? toolName];
}

function eachOnce<T>(all: readonly T[]): T[] {
  return all.filter((one, at) => all.findIndex((other) => isDeepStrictEqual(other, one)) === at);
}
