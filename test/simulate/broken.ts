/** A promise that the log, the lease or the store did not keep. */
export class Broken extends Error {}

/** Throws {@link Broken} unless it holds. */
export function promised(holds: boolean, what: string | (() => string)): asserts holds {
  if (!holds) throw new Broken(typeof what === 'string' ? what : what());
}
