import type { JobEvent } from '../../src/job/events.ts';
import { eventOf, readHistory } from '../../src/job/read/history.ts';
import { type VerifiableStore, verifyJob } from '../../src/job/read/verify.ts';
import type { StoredEvent } from '../../src/log/record.ts';
import { type Ran, readRuns } from './command.ts';
import type { Site } from './site.ts';

/** What was counted, at one site or at several. */
export interface Figures {
  jobs: number;
  completed: number;
  cancelled: number;
  started: number;
  ended: number;
  /** Completed jobs whose command ran to its end exactly once after the last claim under which there was something to do. */
  once: number;
  kills: number;
  killsAtWork: number;
  stops: number;
  operatorKills: number;
  takeovers: number;
  lost: number;
  refusedWrites: number;
  acknowledged: number;
  events: number;
  verified: number;
  overlaps: number;
  missing: number;
  doubled: number;
  acceptedLate: number;
  stuck: number;
}

/** Reads every log from its first event, and holds what was said and done against it. Faults go to the site's list. */
export async function examine(site: Site): Promise<Figures> {
  const { kills, killsAtWork, stops, operatorKills, acceptedLate, stuck } = site.counts;
  const runs = await readRuns(site.dir);
  const lost = site.workers.flatMap(({ said }) => said).filter(({ what }) => what === 'lost').length;
  const refusedWrites = site.workers.reduce((n, one) => n + one.refusedWrites, site.counts.refusedWrites);
  const figures: Figures = {
    ...{ jobs: site.jobIds.length, completed: 0, cancelled: 0, started: 0, ended: 0, once: 0 },
    ...{ kills, killsAtWork, stops, operatorKills, takeovers: 0, lost, refusedWrites },
    ...{ acknowledged: 0, events: 0, verified: 0, overlaps: 0, missing: 0, doubled: 0, acceptedLate, stuck },
  };
  for (const jobId of site.jobIds) {
    const { findings } = await verifyJob(site.workspace.store as VerifiableStore, jobId);
    if (findings.length === 0) figures.verified += 1;
    else site.faults.push(`${jobId}: ${findings[0]?.message}`);
    if (findings.length > 0) continue;
    const { records } = await readHistory(site.workspace.store, jobId);
    const own = runs.filter((run) => run.jobId === jobId);
    new Examination(site, figures, jobId, records, own).run();
  }
  return figures;
}

class Examination {
  readonly #site: Site;
  readonly #figures: Figures;
  readonly #jobId: string;
  readonly #records: readonly StoredEvent[];
  readonly #events: readonly JobEvent[];
  readonly #runs: readonly Ran[];

  constructor(
    site: Site,
    figures: Figures,
    jobId: string,
    records: readonly StoredEvent[],
    runs: readonly Ran[],
  ) {
    this.#site = site;
    this.#figures = figures;
    this.#jobId = jobId;
    this.#records = records;
    this.#events = records.map(eventOf);
    this.#runs = runs;
  }

  run(): void {
    this.#figures.events += this.#records.length;
    this.#countRuns();
    this.#holdOrders();
    this.#holdWorkers();
    this.#holdTokens();
  }

  #fault(count: 'overlaps' | 'missing' | 'doubled' | 'acceptedLate', what: string): void {
    this.#figures[count] += 1;
    this.#site.faults.push(`${this.#jobId}: ${what}`);
  }

  #countRuns(): void {
    const count = (what: Ran['what'], token?: number): number =>
      this.#runs.filter((run) => run.what === what && (token === undefined || run.token === token)).length;
    this.#figures.started += count('start');
    this.#figures.ended += count('end');
    for (const { token, pid, at } of this.#runs.filter(({ what }) => what === 'overlap'))
      this.#fault('overlaps', `the command under ${token} (pid ${pid}, at ${at}) found another one running`);
    const claims = this.#events.filter(({ type }) => type === 'lease_acquired');
    for (const { revision } of claims)
      if (count('start', revision) > 1) this.#fault('overlaps', `the command ran twice under ${revision}`);
    const last = this.#lastToWork() ?? claims.at(-1)?.revision ?? 0;
    const ends = count('end', last);
    for (const { revision } of claims)
      if (revision > last && count('start', revision) > 0)
        this.#fault('doubled', `the command ran under ${revision}, and its end under ${last} is recorded`);
    if (this.#events.some(({ type }) => type === 'cancelled')) this.#figures.cancelled += 1;
    if (this.#checkpoints().some(({ checkpoint_type }) => checkpoint_type === 'completed')) {
      this.#figures.completed += 1;
      if (ends === 1) this.#figures.once += 1;
      else
        this.#site.faults.push(
          `${this.#jobId}: completed, and its command ended ${ends} times under ${last}`,
        );
    }
  }

  /** The token under which the command ended as the job was paused: later claims only complete the job. */
  #lastToWork(): number | undefined {
    const ends = this.#events.flatMap((event) =>
      event.type === 'lease_released' && event.payload.outcome === 'finished' ? [event.payload.token] : [],
    );
    return ends.at(-1);
  }

  /** What an operator was told is on disk stands at that revision, and no order stands anywhere twice. */
  #holdOrders(): void {
    for (const { jobId, head, mark } of this.#site.acknowledged) {
      if (jobId !== this.#jobId) continue;
      this.#figures.acknowledged += 1;
      const record = this.#records[head.revision - 1];
      if (record?.hash !== head.hash || !record.text.includes(mark))
        this.#fault('missing', `${mark} was acknowledged at ${head.revision}, and is not there`);
    }
    const seen = new Set<string>();
    for (const { text } of this.#records) {
      const mark = /(?:order|late)-[0-9-]+-/.exec(text)?.[0];
      if (mark === undefined) continue;
      if (seen.has(mark)) this.#fault('doubled', `${mark} is there twice`);
      seen.add(mark);
    }
  }

  /** What a worker or a command said that it got on disk is there, once. */
  #holdWorkers(): void {
    for (const { name, said } of this.#site.workers) {
      for (const { jobId, what, token } of said) {
        if (jobId !== this.#jobId || (what !== 'started' && what !== 'finished')) continue;
        this.#figures.acknowledged += 1;
        const claim = this.#events[token - 1];
        if (claim?.type !== 'lease_acquired' || claim.payload.worker_id !== name)
          this.#fault('missing', `${name} said that it has the token ${token}, and the log does not`);
      }
    }
    for (const { what, token } of this.#runs) {
      if (what !== 'step' && what !== 'asked') continue;
      this.#figures.acknowledged += 1;
      const found = this.#checkpoints().filter(({ summary }) => summary === `${what} ${token}`).length;
      if (found === 0) this.#fault('missing', `the checkpoint "${what} ${token}" was acknowledged`);
      if (found > 1) this.#fault('doubled', `the checkpoint "${what} ${token}" is there ${found} times`);
    }
  }

  /** Written anew, beside the reducer: under a lease nobody writes a checkpoint without its token. */
  #holdTokens(): void {
    let held: number | undefined;
    for (const { type, payload, revision, reason_code } of this.#events) {
      if (type === 'lease_acquired') held = revision;
      if (reason_code === 'lease_taken_over') this.#figures.takeovers += 1;
      const names = 'token' in payload ? payload.token : undefined;
      const needs = type === 'checkpoint_added' || type === 'lease_renewed' || type === 'lease_released';
      if (needs && names !== held)
        this.#fault('acceptedLate', `event ${revision} names ${names}, not ${held}`);
      if (type === 'lease_released') held = undefined;
    }
  }

  #checkpoints(): (JobEvent & { type: 'checkpoint_added' })['payload'][] {
    return this.#events.flatMap((event) => (event.type === 'checkpoint_added' ? [event.payload] : []));
  }
}
