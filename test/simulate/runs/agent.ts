import type { EnvironmentClaim } from '../../../src/job/fingerprint.ts';
import { claimNow, claimOnceFree } from '../../../src/job/work/claim.ts';
import type { LeasedJob } from '../../../src/job/work/leased_job.ts';
import type { LeasePorts } from '../../../src/job/work/ports.ts';
import { HOME } from '../../support/given.ts';
import { promised } from '../broken.ts';
import { GRACE_MS } from './chronicle.ts';
import type { Field } from './field.ts';
import { Host, type Machine } from './host.ts';
import { TTLS_MS } from './worker.ts';

/** The code of an agent that holds its job by the library: LeasedJob and what renews it. */
export class Agent {
  readonly name: string;
  readonly machine: Machine;
  readonly #field: Field;
  host: Host;

  constructor(name: string, field: Field) {
    this.name = name;
    this.#field = field;
    this.machine = field.newMachine(name);
    this.host = new Host(name, this.machine, field);
    this.#start(this.host);
  }

  kill(): void {
    if (!this.host.alive) return;
    this.host.kill();
    this.#field.time.at(this.#field.time.now + 300, () => this.restart());
  }

  restart(): void {
    this.host.kill();
    this.host = new Host(this.name, this.machine, this.#field);
    this.#start(this.host);
  }

  #start(host: Host): void {
    void this.#live(host).catch((error: unknown) => {
      if (host.alive) this.#field.break(error);
    });
  }

  async #live(host: Host): Promise<void> {
    const field = this.#field;
    for (;;) {
      await host.sleep(200 + field.random.below(1500));
      const jobId = field.anyJob('agent');
      try {
        await this.#takeUp(host, jobId);
      } catch (error) {
        field.refused(host, jobId, error);
      }
    }
  }

  async #takeUp(host: Host, jobId: string): Promise<void> {
    const field = this.#field;
    const { random } = field;
    const terms = { jobId, workerId: this.name, ttlMs: random.pick(TTLS_MS), graceMs: GRACE_MS };
    const ports: LeasePorts = {
      jobs: host.jobs,
      store: host.store,
      monotonic: () => field.subject.monotonic(host, field.time.now),
      observe: () => observed(field, host),
      timers: {
        every: (ms, act) => every(host, ms, act),
        pause: (ms, signal) => host.sleep(ms, signal),
      },
    };
    const enough = new AbortController();
    const stop = host.after(field.peaceful ? 60_000 : 15_000, () => enough.abort());
    const job = random.chance(0.7)
      ? await claimOnceFree(ports, host, terms, enough.signal)
      : await claimNow(ports, terms);
    stop();
    try {
      await this.#work(host, job);
    } finally {
      // What did not give the lease back leaves it to run out.
      void job.abandon(job.signal.reason).catch((error: unknown) => field.break(error));
    }
  }

  async #work(host: Host, job: LeasedJob): Promise<void> {
    const field = this.#field;
    const { random } = field;
    const last = field.peaceful ? 1 : 1 + random.below(4);
    for (let step = 1; step <= last; step += 1) {
      await host.sleep(random.below(2000));
      if (job.signal.aborted) return;
      if (random.chance(0.6)) await job.checkpoint(`step ${step}`);
      else await this.#ask(job, step);
    }
    await host.sleep(random.below(1000));
    const end = field.peaceful ? 'complete' : random.weighed({ complete: 3, block: 1, release: 2 });
    if (end === 'block') await job.block('stuck');
    if (end === 'release') await job.release();
    if (end === 'complete') {
      await job.complete('done');
      field.tally.agentsDone += 1;
      field.commands.finished(job.id, job.token);
    }
  }

  async #ask(job: LeasedJob, step: number): Promise<void> {
    const answer = await job.decision({ summary: `step ${step}?`, requiredAction: 'say yes' });
    const field = this.#field;
    const approved = field.chronicle(job.id).approved.has(answer.checkpointId);
    promised(approved, `${job.id}: ${answer.checkpointId} was answered, and no log ever said so`);
  }
}

function every(host: Host, ms: number, act: () => void): () => void {
  let undo = (): void => {};
  const next = (): void => {
    undo = host.after(ms, () => {
      next();
      act();
    });
  };
  next();
  return () => undo();
}

/** What the job depends on may be large, and takes its time to be hashed. */
async function observed({ random, peaceful }: Field, host: Host): Promise<EnvironmentClaim> {
  if (!peaceful && random.chance(0.3)) await host.sleep(random.below(500));
  return HOME;
}
