/** What happened in simulated runs, counted. */
export interface Tally {
  virtualSeconds: number;
  turns: number;
  commandsStarted: number;
  killedByGuard: number;
  finished: number;
  failed: number;
  interrupted: number;
  givenUp: number;
  lost: number;
  unrecorded: number;
  waitedForDecision: number;
  takeovers: number;
  watchedTakeovers: number;
  agentsDone: number;
  freezes: number;
  workersKilled: number;
  clockJumps: number;
  ioErrors: number;
  damages: number;
  repairs: number;
  repairsOvertaken: number;
  restored: number;
  lossesTold: number;
  personsObeyed: number;
  revisionsMoved: number;
  unnamedRefused: number;
  foreignRefused: number;
  automaticResumes: number;
  openFaults: number;
  finalJobs: number;
}

export function newTally(): Tally {
  return {
    ...{ virtualSeconds: 0, turns: 0, commandsStarted: 0, killedByGuard: 0, finished: 0, failed: 0 },
    ...{ interrupted: 0, givenUp: 0, lost: 0, unrecorded: 0, waitedForDecision: 0, takeovers: 0 },
    ...{ watchedTakeovers: 0, agentsDone: 0, freezes: 0, workersKilled: 0, clockJumps: 0, ioErrors: 0 },
    ...{ damages: 0, repairs: 0, repairsOvertaken: 0, restored: 0, lossesTold: 0, personsObeyed: 0 },
    ...{
      revisionsMoved: 0,
      unnamedRefused: 0,
      foreignRefused: 0,
      automaticResumes: 0,
      openFaults: 0,
      finalJobs: 0,
    },
  };
}
