import { examine, type Figures } from './examine.ts';
import { type Progress, storm, twoWorkers } from './phases.ts';
import { Site } from './site.ts';

export interface Plan {
  /** Of workers, killed or stopped, in all. */
  readonly kills: number;
  /** Of the first phase: two workers, one of them killed. */
  readonly jobs: number;
  readonly firstKills: number;
  /** Kills of one storm; several storms follow each other, each in a directory of its own. */
  readonly perStorm: number;
  /** About how many jobs are open at any time during a storm. */
  readonly openJobs: number;
  readonly killers: number;
  readonly stoppers: number;
  /** The first phase beside the storms, not before them. */
  readonly together?: boolean;
}

export const WHOLE: Plan = {
  kills: 1000,
  jobs: 200,
  firstKills: 50,
  perStorm: 200,
  openJobs: 100,
  killers: 8,
  stoppers: 6,
};

export interface Outcome {
  readonly first: Figures;
  readonly storms: Figures;
  /** Whatever must not happen, and did: empty if all is well. */
  readonly faults: readonly string[];
}

/** Real workers, real files, real kills; answers what was counted. */
export async function chaos(plan: Plan, say: Progress): Promise<Outcome> {
  const faults: string[] = [];
  const at = async (act: (site: Site) => Promise<void>): Promise<Figures> => {
    const site = await Site.make();
    try {
      await act(site);
      const figures = await examine(site);
      faults.push(...site.faults);
      return figures;
    } finally {
      await site.close();
    }
  };
  const phase = at((site) => twoWorkers(site, plan.jobs, plan.firstKills, say));
  phase.catch(() => {}); // it is awaited below
  if (plan.together !== true) await phase;
  let left = plan.kills - plan.firstKills;
  let storms: Figures | undefined;
  while (left > 0) {
    const figures = await at((site) =>
      storm(site, Math.min(left, plan.perStorm), { ...plan, jobs: plan.openJobs }, say),
    );
    left -= figures.kills + figures.stops;
    storms = storms === undefined ? figures : sum(storms, figures);
    say(`${Math.max(0, left)} kills left, ${faults.length} faults`);
  }
  const first = await phase;
  return { first, storms: storms ?? first, faults };
}

function sum(a: Figures, b: Figures): Figures {
  const added = Object.entries(a).map(([name, value]) => [name, value + b[name as keyof Figures]] as const);
  return Object.fromEntries(added) as unknown as Figures;
}
