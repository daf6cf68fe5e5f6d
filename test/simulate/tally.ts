/** What happened in simulations, counted. */
export interface Tally {
  steps: number;
  operations: number;
  acknowledged: number;
  conflicts: number;
  /** Appends whose outcome the disk hid. */
  unknown: number;
  claims: number;
  takeovers: number;
  staleWritesRefused: number;
  suspended: number;
  stoppedWithLock: number;
  busy: number;
  processesKilled: number;
  powerFailures: number;
  damagedLogs: number;
  repairs: number;
  ioErrors: number;
  slowCalls: number;
  clockJumps: number;
  snapshotsChecked: number;
}

export function newTally(): Tally {
  return {
    steps: 0,
    operations: 0,
    acknowledged: 0,
    conflicts: 0,
    unknown: 0,
    claims: 0,
    takeovers: 0,
    staleWritesRefused: 0,
    suspended: 0,
    stoppedWithLock: 0,
    busy: 0,
    processesKilled: 0,
    powerFailures: 0,
    damagedLogs: 0,
    repairs: 0,
    ioErrors: 0,
    slowCalls: 0,
    clockJumps: 0,
    snapshotsChecked: 0,
  };
}

export function addTally(to: Tally, from: Tally): void {
  for (const name of Object.keys(to) as (keyof Tally)[]) to[name] += from[name];
}
