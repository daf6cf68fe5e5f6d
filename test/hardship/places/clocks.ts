import { until } from '../gait.ts';
import { completed } from '../log.ts';
import type { Fault, Place } from './place.ts';
import { needsCompiler, preloaded, WRONG_CLOCK } from './shims.ts';
import { drained, type Stage } from './stage.ts';

const OFF_S = 300;

function wrongClock(where: 'ahead' | 'behind'): Place {
  const off = where === 'ahead' ? OFF_S : -OFF_S;
  return {
    name: `the clock of one worker is 5 minutes ${where}`,
    done: 'it and one with a right clock work off 8 jobs; then each is killed over a job, and the other one is there',
    must: 'never two commands of a job at once, every job completed, none stuck',
    missing: needsCompiler,
    async act(stage, fault) {
      const wrong = { ...preloaded(stage.top, WRONG_CLOCK), SECONDS_OFF: String(off) };
      await demandWrong(stage, wrong, off);
      const ids = Array.from({ length: 8 }, (_, i) => `j${i}`);
      for (const id of ids) await stage.submit(id, 0.7, 0.7);
      const workers = [stage.worker('wrong', { env: wrong }), stage.worker('right')];
      await until(() => ids.every((id) => completed(stage.log(id))));
      for (const id of ids) for (const what of await stage.notDone(id)) fault(what);
      for (const worker of workers) for (const what of await drained(worker)) fault(what);
      await outlive(stage, fault, 'of-wrong', wrong, {});
      await outlive(stage, fault, 'of-right', {}, wrong);
    },
  };
}

/** A worker is killed over a job, and one with another clock takes it over. */
async function outlive(
  stage: Stage,
  fault: Fault,
  id: string,
  dead: Readonly<Record<string, string>>,
  alive: Readonly<Record<string, string>>,
): Promise<void> {
  await stage.submit(id, 60, 0);
  const first = stage.worker(`${id}-dead`, { env: dead });
  await stage.running(id);
  first.child.kill('SIGKILL');
  await first.done;
  const second = stage.worker(`${id}-alive`, { env: alive });
  for (const what of await stage.notDone(id)) fault(what);
  for (const what of await drained(second)) fault(what);
}

/** That the clock is wrong at all: without it the place shows nothing. */
async function demandWrong(stage: Stage, env: Readonly<Record<string, string>>, off: number): Promise<void> {
  const words = ['job', 'submit', '--id', 'probe', '--actor', 'agent', '--', 'true'];
  await stage.ok(words, { env });
  const at = stage.log('probe').events[0]?.created_at ?? '';
  const wrong = Date.parse(at) - Date.now();
  if (Math.abs(wrong - off * 1000) > (OFF_S * 1000) / 2) throw new Error(`the clock is ${wrong} ms off`);
  await stage.ok(['job', 'cancel', '--id', 'probe', '--actor', 'agent']);
}

export const CLOCKS: readonly Place[] = [wrongClock('ahead'), wrongClock('behind')];
