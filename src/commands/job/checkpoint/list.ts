import { type CommandSpec, command } from '../../../cli/command.ts';
import { JOB_OUTPUT, jobFlags } from '../../../cli/flags/job.ts';
import { asJson, checkpointLine } from '../../../cli/text/job.ts';
import { openJobs } from '../../../host/workspace/workspace.ts';
import { readHistory } from '../../../job/read/history.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'checkpoint list' },
  summary: 'List the checkpoints of a job, in order.',
  examples: [{ says: 'List them', line: 'job checkpoint list --id nightly' }],
  flags: jobFlags,
  async run({ flags }, io) {
    const { checkpoints } = await readHistory(openJobs(flags.root, io).store, flags.id);
    const lines = checkpoints.map(
      (checkpoint) => `${io.paint('dim', checkpoint.created_at)}  ${checkpointLine(checkpoint)}`,
    );
    return {
      fields: { checkpoints: checkpoints.map(asJson) },
      lines: lines.length === 0 ? ['no checkpoints'] : lines,
    };
  },
});

export default spec;
