import { GaitError } from '../../../src/core/errors.ts';
import type { JobCommand } from '../../../src/job/command.ts';
import type { Ended, TaskProcess } from '../../../src/job/work/run_ports.ts';
import { ask, checkpoint } from '../../support/given.ts';
import type { Prng } from '../prng.ts';
import type { Field } from './field.ts';
import { Host } from './host.ts';

type Act = 'progress' | 'ask' | 'wait until it runs' | 'complete' | 'block';

/** What a command does, and how it ends. Milliseconds. */
export interface Script {
  readonly steps: readonly { readonly afterMs: number; readonly act: Act }[];
  readonly endsAfterMs: number;
  readonly ends: Ended;
  /** How it ends on SIGTERM, after how long; undefined: it ignores that. */
  readonly onTerm: { readonly ms: number; readonly ends: Ended } | undefined;
}

const EXIT_0: Ended = { exitCode: 0, signal: null };
const EXIT_1: Ended = { exitCode: 1, signal: null };
const BY_SIGNAL: Ended = { exitCode: null, signal: 'SIGSEGV' };
const TERMINATED: Ended = { exitCode: null, signal: 'SIGTERM' };

export function anyScript(random: Prng, ttlMs: number): Script {
  const endsAfterMs = random.below(random.pick([500, 2 * ttlMs, 4 * ttlMs]));
  const steps: { afterMs: number; act: Act }[] = [];
  const what = random.weighed({
    works: 5,
    'asks and ends': 2,
    'asks and waits': 1,
    'completes itself': 1,
    blocks: 0.5,
  });
  if (random.chance(0.4)) steps.push({ afterMs: random.below(ttlMs), act: 'progress' });
  if (what === 'asks and ends' || what === 'asks and waits')
    steps.push({ afterMs: random.below(ttlMs), act: 'ask' });
  if (what === 'asks and waits') steps.push({ afterMs: 500, act: 'wait until it runs' });
  if (what === 'completes itself') steps.push({ afterMs: random.below(ttlMs), act: 'complete' });
  if (what === 'blocks') steps.push({ afterMs: random.below(ttlMs), act: 'block' });
  const ends = what === 'works' ? random.pick([EXIT_0, EXIT_0, EXIT_0, EXIT_1, BY_SIGNAL]) : EXIT_0;
  const onTerm = random.chance(0.25)
    ? undefined
    : { ms: random.below(600), ends: random.pick([TERMINATED, TERMINATED, EXIT_0, EXIT_1]) };
  return { steps, endsAfterMs, ends, onTerm };
}

export const QUICK: Script = {
  steps: [],
  endsAfterMs: 100,
  ends: EXIT_0,
  onTerm: { ms: 10, ends: TERMINATED },
};

/** A command of a job, all that it starts, and its guard: one group, which stands still and ends as one. */
export class Command implements TaskProcess {
  readonly jobId: string;
  readonly token: number;
  readonly worker: Host;
  readonly workerId: string;
  readonly group: Host;
  readonly ended: Promise<Ended>;
  over: boolean = false;
  readonly started: number;
  readonly #field: Field;
  readonly #script: Script;
  #hear: (ended: Ended) => void = () => {};
  #disarm: () => void = () => {};
  /** What the guard does once the group goes on. */
  #due = false;
  #told = false;

  constructor(
    field: Field,
    worker: Host,
    { jobId, token, workerId }: { jobId: string; token: number; workerId: string },
    script: Script,
    ms: number,
  ) {
    this.#field = field;
    this.started = field.time.now;
    this.jobId = jobId;
    this.token = token;
    this.worker = worker;
    this.workerId = workerId;
    this.#script = script;
    this.group = new Host(`the command of ${jobId} under ${token}`, worker.machine, field, 'work');
    this.ended = new Promise((resolve) => {
      this.#hear = resolve;
    });
    this.#arm(ms);
    void this.#perform().catch((error: unknown) => field.break(error));
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (!this.worker.alive || this.over) return;
    if (signal === 'SIGKILL') {
      this.#end({ exitCode: null, signal });
      return;
    }
    const { onTerm } = this.#script;
    if (this.#told || onTerm === undefined) return;
    this.#told = true;
    this.group.after(onTerm.ms, () => this.#end(onTerm.ends));
  }

  beat(ms: number): void {
    if (this.worker.alive && !this.over) this.#arm(ms);
  }

  /** The guard hears that its worker is gone. */
  orphaned(): void {
    if (this.over) return;
    if (this.group.frozen) this.#due = true;
    else this.#guardKills();
  }

  thaw(): void {
    if (this.over) return;
    if (this.#due) this.#guardKills();
    else {
      this.group.thaw();
      this.#field.commands.goesOn(this);
    }
  }

  #arm(ms: number): void {
    this.#disarm();
    this.#due = false;
    const { time } = this.#field;
    // A guard may count in whole seconds, rather too few than too many.
    const lives = this.#field.wholeSeconds ? ms - (ms % 1000) : ms;
    this.#disarm = time.at(time.now + lives, () => {
      if (this.group.frozen) this.#due = true;
      else this.#guardKills();
    });
  }

  #guardKills(): void {
    if (this.over) return;
    this.#field.tally.killedByGuard += 1;
    this.#field.chronicle(this.jobId).guardKilled.add(this.token);
    this.#end({ exitCode: null, signal: 'SIGKILL', killedBy: 'guard' });
  }

  #end(ended: Ended): void {
    if (this.over) return;
    this.over = true;
    this.#disarm();
    this.group.kill();
    this.#field.note(`${this.group.name} ends: ${JSON.stringify(ended)}`);
    const heard = this.#field.subject.ended(ended);
    if (this.worker.alive) this.worker.after(0, () => this.#hear(heard));
  }

  async #perform(): Promise<void> {
    const { steps, endsAfterMs, ends } = this.#script;
    for (const { afterMs, act } of steps) {
      await this.group.sleep(afterMs);
      if (!(await this.#act(act))) return this.#end(EXIT_1);
    }
    await this.group.sleep(endsAfterMs);
    this.#end(ends);
  }

  async #act(act: Act): Promise<boolean> {
    switch (act) {
      case 'progress':
        await this.#tell(checkpoint('progress'));
        return true; // it goes on, whether or not that could be told
      case 'ask':
        return this.#tell(ask());
      case 'complete':
        return this.#tell(checkpoint('completed'));
      case 'block':
        return this.#tell(checkpoint('blocked'));
      case 'wait until it runs':
        return this.#waits();
    }
  }

  /** As a `gait job checkpoint add` does that the command runs. */
  async #tell(order: JobCommand): Promise<boolean> {
    const given = { ...order, token: this.token, worker: this.workerId } as JobCommand;
    try {
      await this.group.jobs.execute(this.jobId, { actor: this.workerId }, given);
      return true;
    } catch (error) {
      this.#field.refused(this.group, this.jobId, error);
      return false;
    }
  }

  async #waits(): Promise<boolean> {
    for (;;) {
      await this.group.sleep(700);
      try {
        if ((await this.group.jobs.load(this.jobId)).state.status === 'running') return true;
      } catch (error) {
        if (!(error instanceof GaitError)) throw error;
        this.#field.refused(this.group, this.jobId, error);
      }
    }
  }
}
