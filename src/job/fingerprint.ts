import { canonicalDigest } from '../core/digest.ts';
import { invalidInput } from '../core/errors.ts';

/**
 * What a job's work depends on outside the job, as named rules and a value for each.
 * Rules: `os`, `arch`, `runtime`, `hostname`, `cwd`, `env:NAME`, `file:PATH`.
 */
export interface Environment {
  /** Sorted, each once. */
  readonly rules: readonly string[];
  /** One value a rule. Those of `env:` and `file:` are SHA-256 digests or `absent`, so no secret enters a log. */
  readonly values: Readonly<Record<string, string>>;
}

/** One rule whose value is another than the one the job is bound to. */
export interface Difference {
  readonly rule: string;
  readonly expected: string;
  readonly actual: string;
}

/** What a caller says about the environment: a fingerprint of its own making, or one that gait computed and can explain. */
export interface EnvironmentClaim {
  readonly fingerprint: string;
  readonly environment?: Environment;
}

export const DEFAULT_RULES: readonly string[] = ['arch', 'os', 'runtime'];

const PLAIN_RULES = new Set(['os', 'arch', 'runtime', 'hostname', 'cwd']);
const PARAMETER_RULE = /^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/s;
const MAX_RULE_LENGTH = 1024;

/** The default rules and the ones asked for, sorted. Throws `fingerprint_rule_invalid`. */
export function fingerprintRules(requested: readonly string[]): readonly string[] {
  for (const rule of requested) {
    if (rule.length <= MAX_RULE_LENGTH && (PLAIN_RULES.has(rule) || PARAMETER_RULE.test(rule))) continue;
    throw invalidInput(
      'fingerprint_rule_invalid',
      `not a fingerprint rule: ${JSON.stringify(rule)}`,
      'Rules are os, arch, runtime, hostname, cwd, env:NAME and file:PATH.',
    );
  }
  return [...new Set([...DEFAULT_RULES, ...requested])].sort();
}

/** `envfp:` and the SHA-256 of the canonical `{rules, values}`. */
export function fingerprintOf(environment: Environment): string {
  return `envfp:${canonicalDigest({ rules: environment.rules, values: environment.values })}`;
}

/** The claim of an environment, its rules put in order. */
export function claimOf({ rules, values }: Environment): EnvironmentClaim {
  const environment = { rules: [...new Set(rules)].sort(), values };
  return { fingerprint: fingerprintOf(environment), environment };
}

/**
 * Which rules differ. When one side cannot be explained by rules, the whole fingerprint is the one difference; and where
 * the expected one can, another is believed only with what explains it, even if it is the same.
 */
export function differences(expected: EnvironmentClaim, actual: EnvironmentClaim): readonly Difference[] {
  const unexplained = expected.environment !== undefined && actual.environment === undefined;
  if (!unexplained && expected.fingerprint === actual.fingerprint) return [];
  if (expected.environment === undefined || actual.environment === undefined) {
    return [{ rule: 'fingerprint', expected: expected.fingerprint, actual: actual.fingerprint }];
  }
  const before = expected.environment.values;
  const after = actual.environment.values;
  const rules = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const changed = rules
    .filter((rule) => before[rule] !== after[rule])
    .map((rule) => ({
      rule,
      expected: before[rule] ?? 'no such rule',
      actual: after[rule] ?? 'no such rule',
    }));
  if (changed.length > 0) return changed;
  return [{ rule: 'fingerprint', expected: expected.fingerprint, actual: actual.fingerprint }];
}
