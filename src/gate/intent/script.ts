import type { Intent } from './intent.ts';

/** The calls that an intent asks for: itself, or the steps of its script with what they share. */
export function callsOf(intent: Intent): readonly Intent[] {
  if (intent.script === undefined) return [intent];
  const { script, script_hash: _, ...shared } = intent;
  return script.steps.map((step) => ({ ...shared, targets: [], ...step }));
}
