import { sha256Hex } from '../../src/core/digest.ts';
import type { Actor } from './actor.ts';
import { anyOperation } from './choices.ts';
import { finale } from './finale.ts';
import { type Prng, prng } from './prng.ts';
import { GAIT, type Subject } from './subject.ts';
import type { Tally } from './tally.ts';
import { anyTrouble, anyWeather, NO_TROUBLE, type Trouble, type Weather } from './trouble.ts';
import { World } from './world.ts';

/** Lease times are of this order. Milliseconds. */
const LEASE_MS = 3000;

/** In a storm one process after the other ends with its write in the file and not on the disk, and then the power fails. */
const DYING = (): Trouble => ({ kind: 'killed', of: 'sync', at: 1 });

export interface Simulation {
  readonly seed: number;
  /** What happened, line by line. */
  readonly trace: readonly string[];
  /** SHA-256 of the trace and of all logs at the end. */
  readonly digest: string;
  readonly tally: Tally;
  readonly failure?: { readonly step: number; readonly message: string };
}

/**
 * Workers and operators on one simulated disk, with all that may befall them, as the seed chooses: the same seed, the
 * same trace, the same logs. After each step all that must hold is checked; the first promise that is broken ends it.
 * `broken`: parts to put in the place of gait's own.
 */
export async function simulate(seed: number, broken: Partial<Subject> = {}): Promise<Simulation> {
  const subject = { ...GAIT, ...broken };
  const random = prng(seed);
  const size = { workers: 2 + random.below(3), operators: 1 + random.below(2), jobs: 1 + random.below(3) };
  const weather = anyWeather(random);
  const world = new World(random, subject, size, (it) => act(it));
  const steps = 40 + random.below(41);
  let failure: Simulation['failure'];
  try {
    for (world.step = 1; world.step <= steps; world.step += 1) {
      takeStep(world, weather);
      await world.settle();
    }
    await finale(world);
  } catch (error) {
    failure = { step: world.step, message: error instanceof Error ? error.message : String(error) };
    world.note(`broken: ${failure.message}`);
  }
  const { trace, tally, views } = world;
  tally.steps = Math.min(world.step, steps);
  for (const { takeovers } of views) tally.takeovers += takeovers;
  const digest = sha256Hex(Buffer.from(JSON.stringify([trace, views.map(({ hashes }) => hashes)])));
  return { seed, trace, digest, tally, ...(failure === undefined ? {} : { failure }) };
}

function takeStep(world: World, weather: Weather): void {
  const { random, actors } = world;
  world.pass(random.below(300));
  if (world.storm > 0) {
    world.storm -= 1;
    if (world.storm === 0) world.failPower();
    else act(world, DYING);
    return;
  }
  const suspended = actors.filter(({ run }) => run?.suspended === true);
  const what = random.weighed({
    act: 14,
    'go on': 3 * suspended.length,
    wait: 2.5,
    'jump of a clock': 0.7,
    kill: 0.7,
    'power failure': 0.35,
    storm: 0.6,
  });
  if (what === 'act') act(world, () => anyTrouble(random, weather, LEASE_MS));
  if (what === 'wait') wait(world);
  if (what === 'jump of a clock') jump(world, anyOf(random, actors));
  if (what === 'kill') kill(world, anyOf(random, actors));
  if (what === 'power failure') world.failPower();
  if (what === 'storm') world.storm = 3 + random.below(4);
  const run = what === 'go on' ? anyOf(random, suspended).run : undefined;
  if (run !== undefined) world.goOn(run);
}

function kill(world: World, actor: Actor): void {
  world.note(`${actor.name} is killed, and starts again`);
  world.tally.processesKilled += 1;
  actor.restart();
}

function act(world: World, trouble: () => Trouble = () => NO_TROUBLE): void {
  const idle = world.actors.filter((actor) => actor.idle);
  if (idle.length === 0) return;
  const actor = anyOf(world.random, idle);
  // A command of the CLI is a process of its own.
  if (actor.role === 'operator' && world.random.chance(0.5)) actor.restart();
  const operation = anyOperation(world, actor);
  world.begin(actor, operation, trouble());
}

/** Often until a lease may just not yet, or just now, be taken over. */
function wait(world: World): void {
  const { random, views } = world;
  const ends = views.map(({ oracle }) => oracle.takeoverAt ?? 0).filter((end) => end > world.trueTime());
  const end = ends[random.below(ends.length)];
  const worst = end === undefined ? 0 : end - world.trueTime() + random.pick([-1, 0, 1]);
  world.pass(end !== undefined && random.chance(0.7) ? Math.max(0, worst) : random.below(2 * LEASE_MS));
  world.note('time passes');
}

function jump(world: World, { name, process }: Actor): void {
  const { random } = world;
  process.offsetMs = random.chance(0.3) ? 0 : random.below(8 * LEASE_MS) - 4 * LEASE_MS;
  world.tally.clockJumps += 1;
  world.note(`the clock of ${name} jumps to ${process.offsetMs} ms`);
}

function anyOf<T>(random: Prng, from: readonly T[]): T {
  return from[random.below(from.length)] as T;
}
