import type { CommandSpec } from './cli/command.ts';

type Load = () => Promise<{ readonly default: CommandSpec }>;

/** Every command and where it is: loaded only when it runs. A test holds it against the folder src/commands. */
export const TREE: Readonly<Record<string, Load>> = {
  'job submit': () => import('./commands/job/submit.ts'),
  'job status': () => import('./commands/job/status.ts'),
  'job list': () => import('./commands/job/list.ts'),
  'job checkpoint add': () => import('./commands/job/checkpoint/add.ts'),
  'job checkpoint list': () => import('./commands/job/checkpoint/list.ts'),
  'job checkpoint show': () => import('./commands/job/checkpoint/show.ts'),
  'job pause': () => import('./commands/job/pause.ts'),
  'job approve': () => import('./commands/job/approve.ts'),
  'job resume': () => import('./commands/job/resume.ts'),
  'job cancel': () => import('./commands/job/cancel.ts'),
  'job stop': () => import('./commands/job/stop.ts'),
  'job inspect': () => import('./commands/job/inspect.ts'),
  'job log': () => import('./commands/job/log.ts'),
  'job verify': () => import('./commands/job/verify.ts'),
  'job repair': () => import('./commands/job/repair.ts'),
  'keys init': () => import('./commands/keys/init.ts'),
  'keys rotate': () => import('./commands/keys/rotate.ts'),
  'keys verify': () => import('./commands/keys/verify.ts'),
  'pack build': () => import('./commands/pack/build.ts'),
  'pack verify': () => import('./commands/pack/verify.ts'),
  'pack inspect': () => import('./commands/pack/inspect.ts'),
  'pack list': () => import('./commands/pack/list.ts'),
};
