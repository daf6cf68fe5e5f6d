import { MIN_TTL_MS } from '../../src/job/checks.ts';
import type { JobCommand } from '../../src/job/command.ts';
import type { Budget } from '../../src/job/events.ts';
import {
  AWAY,
  approve,
  ask,
  cancel,
  checkpoint,
  environmentOf,
  HOME,
  pause,
  resume,
  resumeAnyway,
  stop,
  submit,
} from '../support/given.ts';
import type { Actor } from './actor.ts';
import { GRACE_MS, type JobView } from './job_view.ts';
import { command, list, type Operation, status, together, verify } from './operations.ts';
import type { World } from './world.ts';

const TTLS_MS: [number, ...number[]] = [MIN_TTL_MS, 2000, 5000];

/** What an actor does next. */
export function anyOperation(world: World, actor: Actor): Operation {
  const { random } = world;
  const known = world.known();
  const open = known.filter(({ isFinal }) => !isFinal);
  const among = open.length > 0 && random.chance(0.9) ? open : known;
  const view = among[random.below(among.length)] as JobView;
  return actor.role === 'worker' ? worker(world, actor, view) : operator(world, actor, view);
}

function worker(world: World, actor: Actor, view: JobView): Operation {
  const { random } = world;
  const { jobId } = view;
  const token = actor.token(jobId);
  const order = (given: JobCommand): Operation => command(world, actor, view, given, random.chance(0.08));
  const write = (type: Parameters<typeof checkpoint>[0]): Operation =>
    order(withToken(checkpoint(type), token));
  const holds = token === undefined ? 0 : 1;
  switch (
    random.weighed({
      claim: holds === 1 ? 1 : 9,
      renew: 5 * holds,
      progress: 1 + 4 * holds,
      plan: holds,
      ask: 1.5 * holds,
      blocked: 0.5 * holds,
      completed: 0.5 * holds,
      release: 1.5 * holds,
      together: 2 * holds,
      stale: 2.5,
      status: 1,
    })
  ) {
    case 'claim':
      return order({
        kind: 'claim',
        workerId: actor.name,
        ttlMs: random.pick(TTLS_MS),
        graceMs: GRACE_MS,
        claim: environmentOf(view.job),
      });
    case 'renew':
      return order(renewal(world, token));
    case 'progress':
      return write('progress');
    case 'plan':
      return write('plan');
    case 'ask':
      return order(withToken(ask(), token));
    case 'blocked':
      return write('blocked');
    case 'completed':
      return write('completed');
    case 'release':
      return order({ kind: 'release', token: token ?? 0, outcome: 'given_up' });
    case 'together':
      return together(world, actor, view, [renewal(world, token), withToken(checkpoint('progress'), token)]);
    case 'stale':
      return order(stale(world, actor, view));
    case 'status':
      return status(world, actor, view);
  }
}

function renewal({ random }: World, token: number | undefined): JobCommand {
  return { kind: 'renew', token: token ?? 0, ttlMs: random.pick(TTLS_MS) };
}

/**
 * A write with a token that this worker had once, that nobody has any more or ever had; or with none at all. Never one
 * that may be of somebody else: a token is a number, and guards against the late, not against thieves.
 */
function stale({ random }: World, actor: Actor, { jobId, oracle, owed }: JobView): JobCommand {
  const had = actor.tokens.get(jobId) ?? [];
  const old = had[random.below(had.length)] ?? 1;
  const foreign = Math.max(1, Math.min(owed, (oracle.liveToken ?? 1) - 1));
  const token = random.pick([old, old, old, foreign]);
  switch (random.weighed({ progress: 3, completed: 2, none: 1, renew: 2, release: 2 })) {
    case 'progress':
      return withToken(checkpoint('progress', 'stale'), token);
    case 'completed':
      return withToken(checkpoint('completed', 'stale'), token);
    case 'none':
      return checkpoint('progress', 'without a token');
    case 'renew':
      return { kind: 'renew', token, ttlMs: random.pick(TTLS_MS) };
    case 'release':
      return { kind: 'release', token, outcome: 'finished' };
  }
}

function withToken(order: JobCommand, token: number | undefined): JobCommand {
  return token === undefined ? order : ({ ...order, token } as JobCommand);
}

/** What helps the job along is asked more often than what does not. */
function operator(world: World, actor: Actor, view: JobView): Operation {
  const { random } = world;
  const { job } = view;
  const order = (given: JobCommand): Operation => command(world, actor, view, given, random.chance(0.05));
  const waits = job !== undefined && ['paused', 'blocked', 'decision_needed'].includes(job.status);
  const open = job?.open_decisions ?? [];
  switch (
    random.weighed({
      submit: job === undefined ? 40 : 0.4,
      pause: waits ? 0.3 : 1.2,
      approve: open.length > 0 ? 9 : 0.4,
      resume: waits ? 6 : 0.4,
      cancel: 0.25,
      stop: 0.2,
      status: 1,
      verify: 1,
      list: 0.4,
    })
  ) {
    case 'submit':
      return order(withBudget(world, submit()));
    case 'pause':
      return order(pause);
    case 'approve':
      return order(approve(random.chance(0.7) ? open[random.below(open.length)]?.checkpoint_id : undefined));
    case 'resume':
      return order(
        random.chance(0.8) ? resume() : random.pick([resume(AWAY), resumeAnyway(AWAY), resumeAnyway(HOME)]),
      );
    case 'cancel':
      return order(cancel);
    case 'stop':
      return order(stop);
    case 'status':
      return status(world, actor, view);
    case 'verify':
      return verify(actor, view);
    case 'list':
      return list(actor);
  }
}

function withBudget({ random }: World, order: JobCommand): JobCommand {
  if (order.kind !== 'submit' || random.chance(0.7)) return order;
  const budget = random.pick<Budget>([{ max_attempts: 3 }, { max_steps: 5 }, { max_wall_ms: 8000 }]);
  return { ...order, budget };
}
