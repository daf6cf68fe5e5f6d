/** From the weakest to the strictest. */
export const VERDICTS = ['allow', 'dry_run', 'require_approval', 'block'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** The stricter of two verdicts. */
export function stricter(a: Verdict, b: Verdict): Verdict {
  return VERDICTS.indexOf(a) >= VERDICTS.indexOf(b) ? a : b;
}
