import type { CommandSpec } from '../../cli/command.ts';
import { orderCommand } from '../../cli/flags/job.ts';

const spec: CommandSpec = orderCommand('cancel', {
  summary: 'Cancel a job for good.',
  description: 'Cancelled is final: no command leaves it. The log stays, and packs can be built from it.',
  examples: [
    { says: 'Cancel a job for good', line: "job cancel --id nightly --actor alice --reason 'superseded'" },
  ],
});

export default spec;
