import { wordList } from '../../core/text.ts';
import { epochMs, NEVER } from '../../core/time.ts';
import type { Intent } from '../intent/intent.ts';
import { ownScopes } from '../rules/duties.ts';
import type { DelegationFinding } from './delegation.ts';
import { BOUND_SCOPE } from './token.ts';

/** What the tokens that were presented prove of a chain. */
export interface DelegationProof {
  readonly findings: readonly DelegationFinding[];
  /** The tokens that prove the hops, from the first one on. Empty unless all are proven. */
  readonly hops: readonly DelegationFinding[];
  readonly granted: boolean;
  readonly reasons: readonly string[];
}

/** What must be proven: who acts for whom, and what the rules want the tokens to be for. */
export interface ChainRules {
  /** For each rule that asks for a delegation, the scopes of which it wants one. */
  readonly scopes: readonly (readonly string[])[];
  /** What is called: one tool, or those of the steps of a script. */
  readonly tools: readonly string[];
  readonly now: string;
}

/**
 * Proves a chain of delegations hop by hop: each by a valid token of its own, each no wider than the one before, the last
 * to the one who asks. A chain without links is one hop, to the one who asks.
 */
export function proveChain(
  intent: Intent,
  findings: readonly DelegationFinding[],
  { scopes, tools, now }: ChainRules,
): DelegationProof {
  const refused = (...reasons: readonly string[]): DelegationProof => {
    const faults = findings.flatMap(({ error_code }) => error_code ?? []);
    return { findings, hops: [], granted: false, reasons: wordList([...reasons, ...faults]) };
  };
  const { delegation, context } = intent;
  if (delegation === undefined || findings.length === 0) return refused('delegation_token_missing');
  const { requester_identity: requester, chain = [] } = delegation;
  const ended = [delegation, ...chain].some(
    ({ expires_at }) => expires_at !== NEVER && epochMs(expires_at) <= epochMs(now),
  );
  if (ended) return refused('delegation_expired');
  if (!isContinuous(chain, requester)) return refused('delegation_chain_broken');
  const principal = chain[0]?.delegator_identity;
  if (context.identity !== requester && context.identity !== principal) {
    return refused('delegation_identity_mismatch');
  }
  const links = chain.length === 0 ? [{ delegate_identity: requester }] : chain;
  const fitted = findings.map((one) => fittedTo(links, one));
  const marked = fitted.map((one) =>
    one.valid && !covers(one, scopes, tools) ? { ...one, ...SCOPE_FAULT } : one,
  );
  const hops = hopsOf(links, marked);
  if (hops !== undefined) return { findings, hops, granted: true, reasons: ['delegation_granted'] };
  const faults = marked.flatMap(({ error_code }) => error_code ?? []);
  const proven = links.every((link) => marked.some((one) => one.valid && isFor(link, one)));
  const missing = !proven && marked.some(({ valid }) => valid) ? ['delegation_token_missing'] : [];
  const why = proven ? ['delegation_scope_widened'] : missing;
  const reasons = wordList(['delegation_chain_insufficient', ...why, ...faults]);
  return { findings: marked, hops: [], granted: false, reasons };
}

const SCOPE_FAULT = {
  valid: false,
  error_code: 'delegation_token_scope_mismatch',
  detail: 'it is not for what the call does',
} as const;

interface Link {
  readonly delegator_identity?: string;
  readonly delegate_identity: string;
}

function isContinuous(
  chain: readonly { readonly delegator_identity: string; readonly delegate_identity: string }[],
  requester: string,
): boolean {
  const joined = chain.every(
    ({ delegator_identity }, index) =>
      index === 0 || chain[index - 1]?.delegate_identity === delegator_identity,
  );
  const delegates = new Set(chain.map(({ delegate_identity }) => delegate_identity));
  const ends = chain.length === 0 || chain.at(-1)?.delegate_identity === requester;
  return joined && ends && delegates.size === chain.length; // nobody is handed the same thing twice
}

/** A valid token for each link, each no wider than the one before it; undefined if there are none such. */
function hopsOf(
  links: readonly Link[],
  findings: readonly DelegationFinding[],
): DelegationFinding[] | undefined {
  // Of each token that a chain so far may end with, one such chain: no two links have the same ends.
  let chains: (readonly DelegationFinding[])[] = [[]];
  for (const link of links) {
    const fits = findings.filter((one) => one.valid && isFor(link, one));
    chains = fits.flatMap((one) => {
      const before = chains.find((chain) => isNarrower(chain.at(-1), one));
      return before === undefined ? [] : [[...before, one]];
    });
  }
  const [chain] = chains;
  return chain === undefined ? undefined : [...chain];
}

function isFor({ delegator_identity: from, delegate_identity: to }: Link, one: DelegationFinding): boolean {
  return one.delegate_identity === to && (from === undefined || one.delegator_identity === from);
}

/** A valid token that is for no link of the chain, with the reason why not. */
function fittedTo(links: readonly Link[], finding: DelegationFinding): DelegationFinding {
  const { valid, delegate_identity: to, delegator_identity: from } = finding;
  if (!valid || links.some((link) => isFor(link, finding))) return finding;
  const fault = links.some((link) => link.delegate_identity === to)
    ? ({
        error_code: 'delegation_token_delegator_mismatch',
        detail: `the chain has ${to} from another than ${from}`,
      } as const)
    : ({ error_code: 'delegation_token_delegate_mismatch', detail: `nobody in the chain is ${to}` } as const);
  return { ...finding, valid: false, ...fault };
}

/** True if a hop hands on no more than it was given. It cannot outlive it: every hop must hold at the time of the call. */
function isNarrower(parent: DelegationFinding | undefined, child: DelegationFinding): boolean {
  if (parent === undefined) return true;
  const given = grantsOf(parent);
  return given.has('*') || [...grantsOf(child)].every((scope) => given.has(scope));
}

function grantsOf({ scope = [], scope_class = '' }: DelegationFinding): Set<string> {
  return new Set([...scope, scope_class].filter((one) => one !== '' && one !== BOUND_SCOPE));
}

/** True if a hop is for what each of the rules asks for; where none asks, for each of the tools. */
function covers(
  hop: DelegationFinding,
  wanted: readonly (readonly string[])[],
  tools: readonly string[],
): boolean {
  const grants = grantsOf(hop);
  const asked = wanted.length === 0 ? tools.map(ownScopes) : wanted;
  return grants.has('*') || asked.every((scopes) => scopes.some((scope) => grants.has(scope)));
}
