import { GaitError } from '../../../src/core/errors.ts';
import { SimDisk } from '../../../src/files/sim.ts';
import type { JobEvent } from '../../../src/job/events.ts';
import type { Batch, Position } from '../../../src/log/record.ts';
import { LOG_FILE } from '../../../src/log/stores/file_store.ts';
import { submitWith } from '../../support/given.ts';
import { Broken } from '../broken.ts';
import type { Prng } from '../prng.ts';
import { bytesOf } from '../raw.ts';
import { Agent } from './agent.ts';
import { Chronicle, isPerson } from './chronicle.ts';
import { CommandRules } from './command_rules.ts';
import { replace } from './damage.ts';
import { Host, type Known, type Machine, type Surroundings } from './host.ts';
import type { RunSubject } from './subject.ts';
import { newTally, type Tally } from './tally.ts';
import { VirtualTime } from './virtual_time.ts';
import { Worker } from './worker.ts';

const TASK = { argv: ['true'], cwd: '/', pass_env: [] };
/** The longest that a call of the store takes. */
export const SLOW_MS = 4000;
/** So long after the last disturbance a machine acts on what is so now. */
const CALM_MS = 10_000;

/** Workers, agents and persons on one simulated disk, in one true time, and what they may rely on. */
export class Field implements Surroundings {
  readonly time: VirtualTime = new VirtualTime();
  readonly disk: SimDisk = new SimDisk();
  readonly tally: Tally = newTally();
  readonly trace: string[] = [];
  readonly random: Prng;
  readonly subject: RunSubject;
  readonly observer: Host;
  readonly machines: Machine[] = [];
  readonly workers: Worker[] = [];
  readonly agents: Agent[] = [];
  /** The bytes of logs that were zeroed, until somebody restores them. */
  readonly zeroed: Map<string, Buffer> = new Map();
  readonly commands: CommandRules = new CommandRules(this);
  /** Nothing goes wrong any more. */
  peaceful: boolean = false;
  readonly #chronicles = new Map<string, Chronicle>();
  readonly #kinds: ReadonlyMap<string, 'command' | 'agent'>;
  /** The guards of these machines count in whole seconds. */
  readonly wholeSeconds: boolean;
  readonly #slow: number;
  #changed = false;
  #broken: unknown;

  constructor(random: Prng, subject: RunSubject) {
    this.random = random;
    this.subject = subject;
    this.wholeSeconds = random.chance(0.5);
    this.#slow = random.pick([0, 0, 0.02, 0.1]);
    this.observer = new Host(
      'observer',
      { name: 'beside', offsetMs: 0, failing: undefined, disturbedAt: 0 },
      this,
    );
    const kinds = new Map<string, 'command' | 'agent'>();
    const jobs = 2 + random.below(3);
    for (let i = 1; i <= jobs; i += 1)
      kinds.set(`job-${i}`, i > 1 && random.chance(0.4) ? 'agent' : 'command');
    this.#kinds = kinds;
    for (const jobId of kinds.keys())
      this.#chronicles.set(jobId, new Chronicle(jobId, subject.rules, this.tally));
  }

  /** Submits the jobs, and lets those begin who work on them. */
  async begin(): Promise<void> {
    const { random } = this;
    for (const [jobId, kind] of this.#kinds) {
      const budget = random.chance(0.2) ? { max_attempts: 1 + random.below(3) } : {};
      const task = kind === 'command' ? { task: TASK } : {};
      const order = { ...submitWith(budget), ...task };
      const { budget: _, ...unlimited } = order as typeof order & { budget?: unknown };
      const given = Object.keys(budget).length === 0 ? unlimited : order;
      await this.observer.jobs.execute(jobId, { actor: 'op0' }, given as typeof order);
    }
    const works = 1 + random.below(2);
    for (let i = 1; i <= works; i += 1) this.workers.push(new Worker(`w${i}`, 'work', this));
    const runs = random.below(3);
    for (let i = 1; i <= runs; i += 1) this.workers.push(new Worker(`r${i}`, 'run', this));
    const agents = [...this.#kinds.values()].includes('agent') ? 1 + random.below(2) : 0;
    for (let i = 1; i <= agents; i += 1) this.agents.push(new Agent(`a${i}`, this));
  }

  get chronicles(): readonly Chronicle[] {
    return [...this.#chronicles.values()];
  }

  chronicle(jobId: string): Chronicle {
    return this.#chronicles.get(jobId) as Chronicle;
  }

  /** One that somebody would take up, if there is one. */
  anyJob(kind?: 'command' | 'agent'): string {
    const all = [...this.#kinds]
      .filter(([, is]) => kind === undefined || is === kind)
      .map(([jobId]) => jobId);
    const open = all.filter((jobId) => !this.chronicle(jobId).oracle.isFinal);
    const from = open.length > 0 && !this.random.chance(0.1) ? open : all;
    return from[this.random.below(from.length)] as string;
  }

  newMachine(name: string): Machine {
    const machine = { name, offsetMs: 0, failing: undefined, disturbedAt: Number.NEGATIVE_INFINITY };
    this.machines.push(machine);
    return machine;
  }

  note(line: string): void {
    this.trace.push(`+${this.time.now}ms ${line}`);
  }

  /** Remembers it for the end of the turn. */
  break(error: unknown): void {
    this.#broken ??= error;
  }

  changing(): void {
    this.#changed = true;
  }

  latency(host: Host): number {
    if (this.peaceful || host === this.observer || this.#slow === 0 || !this.random.chance(this.#slow))
      return 0;
    return this.random.below(this.random.pick([20, 300, SLOW_MS]));
  }

  /** Does what is due next, and whatever follows from it; then all that must hold is checked. */
  async turn(): Promise<boolean> {
    if (!this.time.turn()) return false;
    this.disk.nowMs = this.time.now;
    this.tally.turns += 1;
    await settled();
    this.check();
    return true;
  }

  check(): void {
    this.look();
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** Takes in what became of the logs. */
  look(): void {
    if (!this.#changed) return;
    this.#changed = false;
    try {
      this.#readLogs();
    } catch (error) {
      this.break(error);
    }
  }

  #readLogs(): void {
    for (const chronicle of this.chronicles) {
      if (this.zeroed.has(chronicle.jobId)) continue;
      const bytes = bytesOf(this.observer.files, chronicle.jobId, LOG_FILE);
      if (bytes !== undefined) chronicle.look(bytes, this.time.now);
    }
  }

  committed(host: Host, { stream, records }: Batch): void {
    const chronicle = this.chronicle(stream);
    // Otherwise what it claims by may be a list from before.
    const calm = host.machine.disturbedAt < this.time.now - CALM_MS;
    for (const { event, hash } of records) {
      this.note(`${host.name} has ${stream} ${short(event as unknown as JobEvent)}`);
      try {
        chronicle.committed(
          event as unknown as JobEvent,
          hash,
          this.time.now,
          (token) => calm && host.jobs.listed(stream, token),
        );
      } catch (error) {
        this.break(error); // not to the one who wrote it, who would take it for a failure of the disk
      }
    }
  }

  told({ stream, records }: Batch): void {
    for (const { event, hash } of records) {
      const told = this.chronicle(stream).told.get(hash);
      if (told !== undefined) told.at ??= this.time.now;
      const type = String(event['type']);
      if (['paused', 'cancelled', 'emergency_stop_acknowledged'].includes(type))
        this.commands.stopped(stream);
    }
  }

  shown(host: Host, jobId: string, known: Known | undefined, { revision, hash }: Position): void {
    if (known === undefined || !host.alive) return;
    const goesOn = revision > known.revision || (revision === known.revision && hash === known.hash);
    if (!goesOn)
      this.break(
        new Broken(`${host.name} knew revision ${known.revision} of ${jobId}, and took ${revision}`),
      );
  }

  renews(host: Host, jobId: string, token: number, over: boolean): void {
    if (over)
      this.break(new Broken(`${host.name} renews the token ${token} of ${jobId}, whose time is over`));
  }

  /** Something was refused: that is one of the things that happen here, and explained by them. */
  refused(host: Host, jobId: string | undefined, error: unknown): void {
    if (!host.alive || error === undefined) return;
    if (!(error instanceof GaitError)) {
      this.break(error);
      return;
    }
    const { code, category, message } = error;
    this.note(`${host.name} is refused${jobId === undefined ? '' : ` on ${jobId}`}: ${code}, ${message}`);
    if (code === 'revision_moved') this.tally.revisionsMoved += 1;
    if (code === 'lease_lost' && isPerson(host.name)) this.tally.foreignRefused += 1;
    if (code === 'checkpoint_unnamed') this.tally.unnamedRefused += 1;
    const chronicle = jobId === undefined ? undefined : this.chronicle(jobId);
    const wasDamaged = chronicle === undefined || chronicle.everDamaged || chronicle.forked;
    if (category === 'verification_failed') this.tally.lossesTold += 1;
    const explained =
      category === 'verification_failed' || category === 'unsafe_operation'
        ? wasDamaged
        : category !== 'internal_failure';
    if (!explained) this.break(new Broken(`${host.name}: ${code}: ${message}`));
    if (category === 'io_failure') this.#assertDisturbed(host, error);
  }

  #assertDisturbed({ machine, name }: Host, { code, message }: GaitError): void {
    const disturbed = machine.failing !== undefined || machine.disturbedAt > this.time.now - 2 * SLOW_MS;
    if (!disturbed) this.break(new Broken(`${name}: ${code} on a sound disk: ${message}`));
  }

  /** Whoever lived through a repair is told of it for ever. */
  startAnew(): void {
    for (const one of [...this.workers, ...this.agents]) one.kill();
  }

  /** A person puts a copy of a zeroed log in its place, with what was written behind the zeros. */
  restore(jobId: string): void {
    const whole = this.zeroed.get(jobId);
    if (whole === undefined) return;
    const now = bytesOf(this.observer.files, jobId, LOG_FILE) ?? Buffer.alloc(0);
    this.zeroed.delete(jobId);
    replace(this.observer, jobId, Buffer.concat([whole, now.subarray(whole.length)]));
    this.tally.restored += 1;
    this.note(`${jobId} is restored from a copy`);
    this.changing();
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 2; i += 1) await new Promise(setImmediate);
}

function short(event: JobEvent): string {
  const { revision, type, actor } = event;
  return `${revision} ${type} by ${actor} ${JSON.stringify(event.payload)}`;
}
