/** One thing in which gait answers as neither version does. */
export interface Difference {
  readonly kind: string;
  /** The case, and in flows the step: `session.flow-full#4`. */
  readonly place: string;
  /** `exit`, `stdout <pointer>` or `file <path> [<member>]`. */
  readonly what: string;
  /** The versions' values, 1.2.0 first: `6 / 6`. */
  readonly go: string;
  readonly gait: string;
  /** What helps to tell why. */
  readonly note: string;
}

export function idOf({ place, what, go, gait }: Difference): string {
  if (what !== 'exit') return `${place} ${what}`;
  const [older, newer] = go.split(' / ');
  return `${place} exit ${gait} (1.2.0: ${older}, 1.4.0: ${newer})`;
}

export function describeDifference(difference: Difference): string {
  const { what, go, gait, note } = difference;
  const values = what === 'exit' ? '' : ` | go: ${short(go)} | gait: ${short(gait)}`;
  return `${idOf(difference)}${values}${note === '' ? '' : ` | ${note}`}`;
}

function short(value: string): string {
  return value.length <= 300 ? value : `${value.slice(0, 300)}…`;
}
