import { actorOf } from '../../host/workspace/actor.ts';
import { openJobs } from '../../host/workspace/workspace.ts';
import type { JobCommand } from '../../job/command.ts';
import type { Author } from '../../job/jobs.ts';
import type { Job } from '../../job/state.ts';
import { type CommandSpec, command, type OptionalText, type Reply, type RequiredText } from '../command.ts';
import type { Io } from '../io.ts';
import { describeJob } from '../text/job.ts';

export const JOB_OUTPUT = 'gait.job.output';

export const rootFlag: OptionalText = {
  type: 'string',
  value: 'DIR',
  env: 'GAIT_JOB_ROOT',
  summary: 'Directory of the jobs. By default ./gait-out/jobs.',
};

/** Flags of every command that concerns one job. */
export const jobFlags: { readonly id: RequiredText; readonly root: OptionalText } = {
  id: { type: 'string', value: 'ID', required: true, summary: 'The job.' },
  root: rootFlag,
};

/** Flags of every command that changes a job. */
export const authorFlags: { readonly actor: OptionalText; readonly reason: OptionalText } = {
  actor: {
    type: 'string',
    value: 'NAME',
    env: 'GAIT_ACTOR',
    summary: 'Name of whoever gives the command. By default the user of the operating system.',
  },
  reason: { type: 'string', value: 'TEXT', summary: 'Reason, kept in the log: at most 512 characters.' },
};

/** Flags of what a person decides: the command says on what it was decided. */
export const personFlags: {
  readonly actor: OptionalText;
  readonly reason: OptionalText;
  readonly 'if-revision': { readonly type: 'count'; readonly value: string; readonly summary: string };
} = {
  ...authorFlags,
  'if-revision': {
    type: 'count',
    value: 'N',
    summary: 'Fail unless the job is still at revision N, as `gait job status` showed it.',
  },
};

interface AuthorValues {
  readonly actor: string | undefined;
  readonly reason: string | undefined;
  readonly 'if-revision'?: number | undefined;
}

export function authorOf({ actor: flag, reason, 'if-revision': ifRevision }: AuthorValues, io: Io): Author {
  return {
    actor: actorOf(flag, io.env),
    ...(reason === undefined ? {} : { reason }),
    ...(ifRevision === undefined ? {} : { ifRevision }),
  };
}

/** Gives one command to one job and answers with the state that it left. */
export async function executeOn(
  flags: AuthorValues & { readonly id: string; readonly root: string | undefined },
  io: Io,
  order: JobCommand | ((job: Job) => JobCommand),
): Promise<Reply> {
  const { jobs } = openJobs(flags.root, io);
  const { state, position } = await jobs.execute(flags.id, authorOf(flags, io), order);
  return describeJob(state, position, io);
}

/** A command that gives a job one order without any detail: pause, cancel, stop. */
export function orderCommand(
  kind: 'pause' | 'cancel' | 'stop',
  texts: Pick<CommandSpec, 'summary' | 'description' | 'examples'>,
): CommandSpec {
  return command({
    output: { schemaId: JOB_OUTPUT, operation: kind },
    ...texts,
    flags: { ...jobFlags, ...personFlags },
    run: ({ flags }, io) => executeOn(flags, io, { kind }),
  });
}

export const sharedFlag: OptionalText = {
  type: 'string',
  value: 'GROUP',
  summary:
    'Share the folder of the jobs, and those above it that are made, with a group of the system: its ' +
    'members may read and write whatever is made in it from now on.',
};
