import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobTask } from '../../src/job/events.ts';
import { BINARY } from '../support/cli.ts';

/**
 * What a command does beside its work: nothing, add checkpoints, ask a person when it runs for the first time, or, then,
 * wait to be killed with its worker.
 */
export type Kind = 'plain' | 'steps' | 'asks' | 'dies';

/** One line that a command wrote about itself. */
export interface Ran {
  readonly jobId: string;
  readonly token: number;
  readonly what: 'start' | 'end' | 'overlap' | 'step' | 'asked';
  readonly pid: number;
  /** Seconds of a clock that nobody sets. */
  readonly at: number;
}

/**
 * What every job of the lane runs. A lock of the kernel, held as long as any process of the command lives, says whether
 * another command of the job is still running, also one whose worker was killed.
 */
const SCRIPT = `
dir=$1 kind=$2 seconds=$3; shift 3
say() { read -r up _ </proc/uptime; echo "$GAIT_JOB_ID $GAIT_LEASE_TOKEN $1 $$ $up" >>"$dir/runs"; }
add() { "$@" >/dev/null; }
exec 9>>"$dir/locks/$GAIT_JOB_ID"
flock -n 9 || say overlap
say start
if [ "$kind" = steps ]; then
  add "$@" job checkpoint add --id "$GAIT_JOB_ID" --summary "step $GAIT_LEASE_TOKEN" && say step
elif [ "$kind" = asks ] && ! [ -e "$dir/asked/$GAIT_JOB_ID" ]; then
  add "$@" job checkpoint add --id "$GAIT_JOB_ID" --summary "asked $GAIT_LEASE_TOKEN" \\
    --type decision-needed --required-action 'go on?' && say asked && : >"$dir/asked/$GAIT_JOB_ID"
  exit 75 # to be run again, once somebody has answered
elif [ "$kind" = dies ] && ! [ -e "$dir/asked/$GAIT_JOB_ID" ]; then
  : >"$dir/asked/$GAIT_JOB_ID"
  exec sleep 3600
fi
sleep "$seconds"
say end
`;

/** Makes the files that the commands of a directory write to. */
export async function prepareCommands(dir: string): Promise<void> {
  await mkdir(join(dir, 'locks'));
  await mkdir(join(dir, 'asked'));
  await writeFile(join(dir, 'command.sh'), SCRIPT);
  await appendFile(join(dir, 'runs'), '');
}

export function taskOf(dir: string, kind: Kind, seconds: number): JobTask {
  const gait = [process.execPath, BINARY];
  const argv = ['sh', join(dir, 'command.sh'), dir, kind, seconds.toFixed(2), ...gait];
  return { argv, cwd: dir, pass_env: [] };
}

/** All that the commands of a directory wrote, in the order in which they did. */
export async function readRuns(dir: string): Promise<Ran[]> {
  const text = await readFile(join(dir, 'runs'), 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [jobId = '', token, what, pid, at] = line.split(' ');
      return { jobId, token: Number(token), what: what as Ran['what'], pid: Number(pid), at: Number(at) };
    });
}
