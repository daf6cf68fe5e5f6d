import { sha256Hex } from '../../../src/core/digest.ts';
import { promised } from '../broken.ts';
import { prng } from '../prng.ts';
import { anyDamage, keepSnapshot } from './damage.ts';
import { Field } from './field.ts';
import { finale } from './finale.ts';
import { Host } from './host.ts';
import { anyWord, repairSeen } from './person.ts';
import { GAIT_RUNS, type RunSubject } from './subject.ts';
import type { Tally } from './tally.ts';
import { TTLS_MS } from './worker.ts';

export interface RunSimulation {
  readonly seed: number;
  readonly trace: readonly string[];
  /** SHA-256 of the trace and of all logs at the end. */
  readonly digest: string;
  readonly tally: Tally;
  readonly failure?: { readonly step: number; readonly message: string };
}

const LASTS_MS = 40_000;
const MAX_OFF_MS = 300_000;

type What =
  | 'a word'
  | 'a freeze'
  | 'a kill'
  | 'a signal'
  | 'a clock'
  | 'failing calls'
  | 'damage'
  | 'a snapshot'
  | 'repairs';

const CLIMATE: Readonly<Record<What, number>> = {
  'a word': 12,
  'a freeze': 2.5,
  'a kill': 0.8,
  'a signal': 1,
  'a clock': 2.5,
  'failing calls': 3,
  damage: 1,
  'a snapshot': 0.7,
  repairs: 1,
};

/** Runners, agents and persons on virtual time, with all that may befall them, as the seed chooses. */
export async function simulateRuns(seed: number, broken: Partial<RunSubject> = {}): Promise<RunSimulation> {
  const field = new Field(prng(seed), { ...GAIT_RUNS, ...broken });
  let failure: RunSimulation['failure'];
  try {
    await field.begin();
    const climate = anyClimate(field);
    meddleOn(field, climate);
    const isOver = (): boolean => field.chronicles.every(({ oracle, damaged }) => oracle.isFinal && !damaged);
    while (field.time.now < LASTS_MS && !isOver()) promised(await field.turn(), 'nothing is due any more');
    await finale(field);
  } catch (error) {
    failure = { step: field.time.now, message: error instanceof Error ? error.message : String(error) };
    field.note(`broken: ${failure.message}`);
  }
  const { trace, tally, chronicles } = field;
  tally.virtualSeconds = Math.round(field.time.now / 1000);
  const digest = sha256Hex(
    Buffer.from(JSON.stringify([trace, chronicles.map(({ bytes }) => sha256Hex(bytes))])),
  );
  return { seed, trace, digest, tally, ...(failure === undefined ? {} : { failure }) };
}

/** Some things often and others never, so that each seed goes deep where another does not go. */
function anyClimate({ random }: Field): Record<What, number> {
  const climate = { ...CLIMATE };
  for (const what of Object.keys(climate) as What[])
    if (what !== 'a word' && what !== 'repairs') climate[what] *= random.pick([0, 0.5, 1, 1, 3]);
  return climate;
}

function meddleOn(field: Field, climate: Record<What, number>): void {
  const { random, time } = field;
  time.at(time.now + random.below(900), () => {
    if (field.peaceful) return;
    const ailing = field.chronicles.some(({ damaged, jobId }) => damaged || field.zeroed.has(jobId));
    void meddle(field, random.weighed({ ...climate, repairs: ailing ? 6 : 0 }))
      .catch((error: unknown) => field.break(error))
      .finally(() => meddleOn(field, climate));
  });
}

async function meddle(field: Field, what: What): Promise<void> {
  const { random, time, tally } = field;
  const living = [...field.workers, ...field.agents];
  const one = living[random.below(living.length)];
  if (one === undefined) return;
  const { machine, host } = one;
  switch (what) {
    case 'a word': {
      const jobId = field.anyJob();
      person(field, (helper, name) => anyWord(field, helper, name, jobId), jobId);
      return;
    }
    case 'repairs': {
      const ailing = field.chronicles.filter(({ damaged, jobId }) => damaged || field.zeroed.has(jobId));
      const { jobId } = ailing[random.below(ailing.length)] ?? { jobId: field.anyJob() };
      for (let i = 1 + random.below(2); i > 0; i -= 1)
        person(field, (helper, name) => repairSeen(field, helper, name, jobId), jobId);
      return;
    }
    case 'a freeze': {
      tally.freezes += 1;
      const ms = random.below(random.pick([500, 4000, 2 * Math.max(...TTLS_MS)]));
      const withCommands = random.chance(0.4);
      field.note(`${one.name} stands still for ${ms} ms${withCommands ? ' with all that it runs' : ''}`);
      const commands = withCommands ? field.commands.of(host) : [];
      host.freeze();
      for (const { group } of commands) group.freeze();
      machine.disturbedAt = time.now + ms;
      time.at(time.now + ms, () => {
        const inTurn = random.chance(0.5);
        if (inTurn) host.thaw();
        for (const command of commands) command.thaw();
        if (!inTurn) host.thaw();
        machine.disturbedAt = time.now;
      });
      return;
    }
    case 'a kill':
      tally.workersKilled += 1;
      field.note(`${one.name} is killed`);
      one.kill();
      return;
    case 'a signal':
      if ('signal' in one) one.signal();
      return;
    case 'a clock':
      tally.clockJumps += 1;
      machine.offsetMs = random.chance(0.3) ? 0 : random.below(2 * MAX_OFF_MS) - MAX_OFF_MS;
      field.note(`the clock of ${machine.name} jumps to ${machine.offsetMs} ms`);
      return;
    case 'failing calls': {
      const ms = random.below(random.pick([200, 2000, 9000]));
      machine.failing = random.pick(['reads', 'writes'] as const);
      machine.disturbedAt = time.now + ms;
      field.note(`${machine.name}: ${machine.failing} fail for ${ms} ms`);
      time.at(time.now + ms, () => {
        machine.failing = undefined;
        machine.disturbedAt = time.now;
      });
      return;
    }
    case 'damage':
      await anyDamage(field, field.chronicle(field.anyJob()));
      return;
    case 'a snapshot': {
      const chronicle = field.chronicle(field.anyJob());
      if (!chronicle.damaged && !chronicle.forked && !field.zeroed.has(chronicle.jobId))
        await keepSnapshot(field.observer, chronicle);
      return;
    }
  }
}

/** A command of a person is a process of its own. */
export function person(field: Field, act: (host: Host, name: string) => Promise<void>, jobId: string): void {
  const { random } = field;
  const name = `op${1 + random.below(2)}`;
  const machine = field.machines.find((one) => one.name === name) ?? field.newMachine(name);
  const host = new Host(name, machine, field);
  if (!field.peaceful && random.chance(0.25)) machine.offsetMs = random.below(2 * MAX_OFF_MS) - MAX_OFF_MS;
  void act(host, name)
    .catch((error: unknown) => field.refused(host, jobId, error))
    .finally(() => host.kill());
}
