/** Risk classes that every policy knows, from the lowest to the highest. */
export const RISK_CLASSES = ['low', 'medium', 'high', 'critical'] as const;
export type RiskClass = (typeof RISK_CLASSES)[number];

/** True for a risk class that gait does not know: it counts as the highest wherever that is the stricter thing. */
export function isStrangeRisk(risk: string): boolean {
  return !RISK_CLASSES.some((one) => one === risk);
}
