import { type GaitError, invalidInput } from '../core/errors.ts';
import type { Timestamp } from '../core/time.ts';
import { NO_CONTEXT, type Profile } from './context.ts';
import type { EnforcementRequest, EnforcerParts } from './enforce.ts';
import { evaluate } from './evaluate.ts';

/** How the key that signs is come by, as far as a profile cares. */
interface Signing {
  readonly keyMode: string;
}

/**
 * What the careful profile misses before it decides anything: undefined if nothing. It does not guess: a gate that
 * could never say yes, because nobody was named whom it could believe, is a mistake of its configuration.
 */
export function profileFault(
  { settings, keyring, broker, keyMode }: EnforcerParts & Signing,
  { policy, request, simulate = false }: EnforcementRequest,
  now: Timestamp,
): GaitError | undefined {
  if (settings.profile === 'standard') return undefined;
  if (simulate) return refused('--simulate is not for the oss-prod profile', 'Leave one of the two out.');
  const unsigned = signingFault(settings.profile, keyMode);
  if (unsigned !== undefined) return unsigned;
  if (policy.default_verdict === 'allow') {
    const hint = 'Set default_verdict to block, and allow what is known by rules.';
    return refused('the oss-prod profile takes no policy that allows by default', hint);
  }
  const { verdict, duties } = evaluate(
    policy,
    request,
    { ...NO_CONTEXT, gate: settings, brokered: true },
    now,
  );
  if (duties.delegation && keyring.count('delegator') === 0) {
    const hint = 'Give --delegation-public-key, or a --keyring with a key for the purpose delegator.';
    return refused('the policy asks for a delegation, and no key is named that could prove one', hint);
  }
  if (verdict === 'require_approval' && keyring.count('approver') === 0) {
    const hint = 'Give --approval-public-key, or a --keyring with a key for the purpose approver.';
    return refused('the policy asks for approval, and no key is named that could give one', hint);
  }
  if (verdict === 'allow' && duties.broker !== null && broker === undefined) {
    const hint = 'Give --credential-broker: this profile lets no call of high risk run without a credential.';
    return refused('the call needs a credential, and there is no broker to ask', hint);
  }
  return undefined;
}

/** The careful profile signs with a key that somebody looks after. */
export function signingFault(profile: Profile, keyMode: string): GaitError | undefined {
  if (profile === 'standard' || keyMode === 'prod') return undefined;
  return refused('the oss-prod profile signs with --key-mode prod', 'Give --private-key as well.');
}

function refused(message: string, hint: string): GaitError {
  return invalidInput('profile_incomplete', message, hint);
}
