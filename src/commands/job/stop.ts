import type { CommandSpec } from '../../cli/command.ts';
import { orderCommand } from '../../cli/flags/job.ts';

const spec: CommandSpec = orderCommand('stop', {
  summary: 'Stop a job at once, for good: the emergency stop.',
  description: 'Works from every status that is not final; the result is final.',
  examples: [
    {
      says: 'Stop a job at once, for good',
      line: "job stop --id nightly --actor alice --reason 'writes to the wrong bucket'",
    },
  ],
});

export default spec;
