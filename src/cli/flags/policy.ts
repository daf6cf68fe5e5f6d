import type { ArgSpec } from '../command.ts';

/** The words of a command that tries one policy on one call. */
export const TRIAL_ARGS: readonly ArgSpec[] = [
  { name: 'POLICY', summary: 'the policy', required: true },
  { name: 'INTENT', summary: 'the call, as JSON', required: true },
];
