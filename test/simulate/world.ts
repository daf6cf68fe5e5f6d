import { GaitError } from '../../src/core/errors.ts';
import { type Fate, type Pending, SimDisk } from '../../src/files/sim.ts';
import { Actor } from './actor.ts';
import { Broken, promised } from './broken.ts';
import { JobView } from './job_view.ts';
import { Ledger } from './ledger.ts';
import type { Operation } from './operations.ts';
import type { Prng } from './prng.ts';
import { Process, type Surroundings } from './process.ts';
import { recover } from './recovery.ts';
import { Run } from './run.ts';
import type { Subject } from './subject.ts';
import { newTally, type Tally } from './tally.ts';
import { NO_TROUBLE, type Trouble } from './trouble.ts';

/** How many jobs may follow those that are over. */
const MORE_JOBS = 4;

/** One disk, one true time, the actors and their processes, and what is known of the logs. */
export class World implements Surroundings {
  readonly disk: SimDisk = new SimDisk();
  readonly ledger: Ledger = new Ledger();
  readonly tally: Tally = newTally();
  readonly trace: string[] = [];
  readonly granted: Set<string> = new Set();
  readonly actors: readonly Actor[];
  readonly views: readonly JobView[];
  readonly random: Prng;
  readonly subject: Subject;
  step = 0;
  /** How many more steps a storm lasts; in its last one the power fails. */
  storm = 0;
  /** What the power failure left to chance; undefined unless it failed in this step. */
  lost: readonly Pending[] | undefined;
  #time = Date.UTC(2026, 1, 14);
  #broken: unknown;
  #checkedVersion = 0;
  /** A file changed since all of them were last read and checked. */
  #changed = false;
  /** Those that run in the present step. */
  #running: Run[] = [];
  readonly #busy: (world: World) => void;
  readonly #jobs: number;
  #known: number;
  #watcher: Process;

  /** `busy` gives an idle actor something to do, while another is in the midst of a call. */
  constructor(random: Prng, subject: Subject, size: WorldSize, busy: (world: World) => void) {
    this.random = random;
    this.subject = subject;
    this.#busy = busy;
    this.#watcher = this.observer();
    const named = (name: string, role: Actor['role'], count: number): Actor[] =>
      Array.from({ length: count }, (_, i) => new Actor(`${name}${i + 1}`, role, this));
    this.actors = [...named('w', 'worker', size.workers), ...named('op', 'operator', size.operators)];
    this.#jobs = size.jobs;
    this.#known = size.jobs;
    this.views = Array.from(
      { length: size.jobs + MORE_JOBS },
      (_, i) => new JobView(`job-${i + 1}`, subject),
    );
  }

  /** The jobs that are worked on. For each that is over there is another. */
  known(): readonly JobView[] {
    return this.views.slice(0, this.#known);
  }

  trueTime(): number {
    return this.#time;
  }

  pass(ms: number): void {
    this.#time += ms;
  }

  changing(): void {
    this.#changed = true;
  }

  waits(): boolean {
    return this.random.chance(0.15);
  }

  /** Nothing was sent to a log since all of them were last read and checked. */
  get isCurrent(): boolean {
    return this.ledger.version === this.#checkedVersion;
  }

  note(line: string): void {
    this.trace.push(`${this.step} +${this.#time - Date.UTC(2026, 1, 14)}ms ${line}`);
  }

  begin(actor: Actor, { what, perform }: Operation, trouble: Trouble = NO_TROUBLE): void {
    const { process } = actor;
    process.expect(trouble);
    this.tally.operations += 1;
    const run = new Run(process, what);
    actor.run = run;
    this.#running.push(run);
    this.note(
      `${actor.name} begins: ${what}${trouble.kind === 'none' ? '' : ` (${JSON.stringify(trouble)})`}`,
    );
    perform()
      .catch((error: unknown) => this.#outcomeOf(process, error))
      .then((outcome) => {
        if (process.alive) this.note(`${actor.name} ends: ${what}: ${outcome}`);
        run.end();
      })
      .catch((error: unknown) => this.#break(error));
  }

  goOn(run: Run): void {
    this.note(`${run.process.name} goes on: ${run.what}`);
    this.#running.push(run);
    run.goOn();
  }

  suspend(process: Process): Promise<void> {
    const run = this.actors.find((actor) => actor.process === process)?.run;
    if (run === undefined || !process.alive) return Promise.resolve();
    this.note(`${process.name} stands still${process.stoppedWithLock ? ' with the lock' : ''}: ${run.what}`);
    return run.suspend();
  }

  overlap(): void {
    this.#busy(this);
  }

  /** All processes end; of what was not synced each change meets a fate of its own. */
  failPower(): void {
    this.tally.powerFailures += 1;
    this.ledger.version += 1;
    this.lost = [...(this.lost ?? []), ...this.disk.pending()];
    for (const { process } of this.actors) process.alive = false;
    const mild = this.random.chance(0.3);
    const fates: Fate[] = [];
    this.disk.crash((change) => {
      const fate = mild ? this.random.pick(['kept', 'lost'] as const) : this.#fateOf(change);
      fates.push(fate);
      return fate;
    });
    this.note(`the power fails: ${JSON.stringify(fates)}`);
  }

  #fateOf(change: Pending): Fate {
    const what = this.random.weighed({ kept: 4, lost: 3, zeros: 1.5, torn: 1.5 });
    if (what !== 'torn') return what;
    return { torn: change.kind === 'write' ? this.random.below(change.length) : 0 };
  }

  /** Until every process stands still or is done; then all that must hold is checked. */
  async settle(): Promise<void> {
    // One that runs may have another begin, which is waited for as well.
    for (let i = 0; i < this.#running.length; i += 1) {
      const run = this.#running[i];
      await run?.turn;
      // Of two commands at once one may stand still while the other still runs: to its end, or until it stands too.
      if (run?.suspended === true) await new Promise(setImmediate);
    }
    this.#running = [];
    this.restartTheDead();
    if (this.lost !== undefined) {
      await recover(this, this.lost);
      this.lost = undefined;
    }
    await this.check(false);
  }

  restartTheDead(): void {
    for (const actor of this.actors) if (!actor.process.alive) actor.restart();
  }

  /** `whole`: the logs are folded from their first record on, though nothing before their end changed. */
  async check(powerFailed: boolean, whole: boolean = powerFailed): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    const { ledger } = this;
    const { version } = ledger;
    if (!this.#changed && !whole && ledger.fresh.length === 0) {
      this.#checkedVersion = version;
      return;
    }
    if (powerFailed) this.#watcher = this.observer();
    this.#changed = false;
    const acknowledged = ledger.fresh.splice(0);
    const { files } = this.#watcher;
    for (const view of this.known()) {
      const { length } = view.hashes;
      await view.look(files, ledger, { powerFailed, whole });
      view.settle(acknowledged);
      if (view.damage !== undefined) {
        promised(powerFailed, `damage without a failure of the power: ${view.damage.message}`);
        continue;
      }
      const kept = await view.lookAtSnapshot(files, this.tally);
      if (whole || (kept && view.hashes.length !== length)) await view.openedAnew(this.observer().files);
    }
    this.#checkedVersion = version;
    const over = this.views.filter(({ isFinal }) => isFinal).length;
    this.#known = Math.max(this.#known, this.#jobs + over);
  }

  /** A process beside the play, that nothing happens to. */
  observer(): Process {
    return new Process('observer', this);
  }

  /** Throws Broken for an error that nothing in this world explains. */
  assertExpected({ trouble }: Process, error: GaitError): void {
    const { category, code, message } = error;
    const refusals = ['invalid_input', 'state_contention', 'policy_blocked', 'approval_required'];
    const explained =
      code === 'stream_busy'
        ? this.actors.some(({ process }) => process.stoppedWithLock)
        : refusals.includes(category) || (category === 'io_failure' && trouble.kind === 'io error');
    promised(explained, `${code}: ${message}`);
    if (code === 'stream_busy') this.tally.busy += 1;
  }

  #outcomeOf(process: Process, error: unknown): string {
    if (error instanceof Broken) return this.#break(error);
    if (!process.alive) return 'ended with its process';
    if (!(error instanceof GaitError)) return this.#break(error);
    try {
      this.assertExpected(process, error);
    } catch (broken) {
      return this.#break(broken);
    }
    return `refused, ${error.code}`;
  }

  /** Remembers it for the end of the step. */
  #break(error: unknown): string {
    this.#broken ??= error;
    return 'broken';
  }
}

export interface WorldSize {
  readonly workers: number;
  readonly operators: number;
  readonly jobs: number;
}
