import type { RunResult } from '../../../src/job/work/run_ports.ts';
import { Broken } from '../broken.ts';
import type { Command } from './command.ts';
import { type Field, SLOW_MS } from './field.ts';
import type { Host } from './host.ts';
import { KILL_AFTER_MS, POLL_MS, TTLS_MS } from './worker.ts';

const TTL_MAX_MS = Math.max(...TTLS_MS);

/** What must hold of the commands of jobs: when they run, and what is told of their ends. */
export class CommandRules {
  readonly #field: Field;
  readonly #commands = new Set<Command>();
  /** What was told as finished, and the record that says so. */
  readonly #finished = new Map<string, { readonly token: number; readonly hash: string }[]>();

  constructor(field: Field) {
    this.#field = field;
  }

  of(host: Host): Command[] {
    return [...this.#commands].filter(({ worker, over }) => worker === host && !over);
  }

  /** A person was told that a job is stopped: soon nothing runs for it any more. */
  stopped(jobId: string): void {
    const { time } = this.#field;
    this.#field.look();
    const at = time.now;
    const chronicle = this.#field.chronicle(jobId);
    const { resumes, statusBy } = chronicle;
    const soon = POLL_MS + KILL_AFTER_MS + 50;
    const late = TTL_MAX_MS + 2 * POLL_MS + KILL_AFTER_MS + 6 * SLOW_MS;
    const over = (disturbed: boolean) => (): void => {
      if (chronicle.forked || chronicle.damaged || this.#field.zeroed.has(jobId)) return;
      if (chronicle.resumes !== resumes || (statusBy !== undefined && !chronicle.isIn(statusBy))) return;
      for (const { started, worker, group } of this.#runningFor(jobId)) {
        const calm = worker.machine.disturbedAt < at - TTL_MAX_MS && worker.machine.failing === undefined;
        if (started > at || group.frozen || (!calm && !disturbed)) continue;
        this.#field.break(new Broken(`${group.name} runs ${time.now - at} ms after a person stopped it`));
      }
    };
    time.at(at + soon, over(false));
    time.at(at + late, over(true));
  }

  starts(command: Command, ms: number): void {
    const { jobId, token, group } = command;
    this.#field.tally.commandsStarted += 1;
    this.#field.note(`${command.worker.name} starts ${group.name} for ${ms} ms`);
    const others = this.#runningFor(jobId);
    this.#commands.add(command);
    this.#field.look();
    const chronicle = this.#field.chronicle(jobId);
    if (chronicle.forked) return;
    this.#assertAlone(command, others);
    if (this.#field.zeroed.has(jobId) || chronicle.damaged) return;
    const by = chronicle.told.get(chronicle.statusBy ?? '');
    const known = by?.at !== undefined && by.at < this.#field.time.now;
    const { status } = chronicle.oracle;
    if (status !== 'running' && known)
      this.#field.break(new Broken(`${group.name} starts under a job that is ${status}`));
    for (const finished of this.#finished.get(jobId) ?? []) {
      if (chronicle.isIn(finished.hash))
        this.#field.break(new Broken(`${group.name} starts after ${finished.token} was told as finished`));
    }
    if (ms <= 0)
      this.#field.break(new Broken(`${group.name} starts under the token ${token}, whose time is over`));
  }

  /** A group goes on that stood still. */
  goesOn(command: Command): void {
    if (!this.#field.chronicle(command.jobId).forked)
      this.#assertAlone(
        command,
        this.#runningFor(command.jobId).filter((one) => one !== command),
      );
  }

  #assertAlone({ group }: Command, others: readonly Command[]): void {
    for (const other of others)
      if (!other.group.frozen) this.#field.break(new Broken(`${group.name} runs beside ${other.group.name}`));
  }

  #runningFor(jobId: string): Command[] {
    for (const command of this.#commands) if (command.over) this.#commands.delete(command);
    return [...this.#commands].filter((command) => command.jobId === jobId);
  }

  /** A run was told to its caller. */
  tells(host: Host, jobId: string, real: RunResult): void {
    if (!host.alive) return;
    const result = this.#field.subject.result(real);
    const { token, outcome } = result;
    this.#field.note(`${host.name} tells ${jobId} under ${token}: ${outcome}, ${result.why ?? ''}`);
    this.#field.tally[outcome === 'given_up' ? 'givenUp' : outcome] += 1;
    if (result.waitsFor !== undefined) this.#field.tally.waitedForDecision += 1;
    const chronicle = this.#field.chronicle(jobId);
    if (outcome === 'unrecorded') {
      const over = (host.jobs.lastsUntil(jobId, token) ?? 0) <= this.#field.time.now;
      const sound = !chronicle.everDamaged && !chronicle.forked;
      if (!over && sound)
        this.#field.break(new Broken(`${jobId}: an end was given up while its lease lasted`));
    }
    if (outcome === 'finished') this.finished(jobId, token);
    else if (outcome !== 'lost' && outcome !== 'unrecorded') {
      const stands = chronicle.outcomes.get(token)?.outcome === outcome || chronicle.oracle.isFinal;
      if (!stands && !chronicle.forked && !chronicle.everDamaged)
        this.#field.break(new Broken(`${jobId}: told as ${outcome}, which the log does not say`));
    }
  }

  /** Somebody was told that the work under a token is done. */
  finished(jobId: string, token: number): void {
    const chronicle = this.#field.chronicle(jobId);
    if (chronicle.forked) return;
    const end = chronicle.outcomes.get(token);
    if (end?.outcome !== 'finished') {
      this.#field.break(new Broken(`${jobId}: told as finished under ${token}, which the log never said`));
      return;
    }
    this.#finished.set(jobId, [...(this.#finished.get(jobId) ?? []), { token, hash: end.hash }]);
  }
}
