import type { CommandSpec } from '../../cli/command.ts';
import { orderCommand } from '../../cli/flags/job.ts';

const spec: CommandSpec = orderCommand('pause', {
  summary: 'Pause a job until a person resumes it.',
  description:
    'A paused job takes plan and progress checkpoints and approvals, and nothing else until it is resumed.',
  examples: [
    {
      says: 'Pause a job until a person resumes it',
      line: "job pause --id nightly --actor alice --reason 'deploy freeze'",
    },
  ],
});

export default spec;
