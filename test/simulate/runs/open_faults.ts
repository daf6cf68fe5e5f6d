/**
 * Faults that these simulations found and that are not mended yet: what they break is counted, and the job in which it
 * happened is not held to it any more. With `false` a seed fails that comes to one.
 */
export const OPEN = {
  /** A process that lived through a repair is told `acknowledged_lost` at every look, for ever. */
  livedThroughRepair: false,
  /** A log that is cut below its snapshot is noticed only by those who open it anew. */
  blindAppends: false,
  /** What misled a handle is replaced by a snapshot of what it found, though that ends before the one that lies there. */
  snapshotOverwritten: false,
  /** A worker's claim takes over a lease that it did not watch, if the job was free when it was listed. */
  listedAsFree: false,
  /** A second repair may go by a plan, or by records, that know nothing of the first one. */
  floorsOfSecondRepair: false,
} as const;
