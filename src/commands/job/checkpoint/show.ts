import { type CommandSpec, command } from '../../../cli/command.ts';
import { JOB_OUTPUT, jobFlags } from '../../../cli/flags/job.ts';
import { printable } from '../../../cli/terminal.ts';
import { approvalText, tallyOf, tallyText } from '../../../cli/text/approval.ts';
import { asJson } from '../../../cli/text/job.ts';
import { invalidInput } from '../../../core/errors.ts';
import { openJobs } from '../../../host/workspace/workspace.ts';
import { readHistory } from '../../../job/read/history.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'checkpoint show' },
  summary: 'Show one checkpoint of a job, and who approved it.',
  examples: [{ says: 'Show a checkpoint', line: 'job checkpoint show --id nightly --checkpoint cp_0002' }],
  flags: {
    ...jobFlags,
    checkpoint: { type: 'string', value: 'CP', required: true, summary: 'The checkpoint, such as cp_0002.' },
  },
  async run({ flags }, io) {
    const history = await readHistory(openJobs(flags.root, io).store, flags.id);
    const checkpoint = history.checkpoints.find(({ checkpoint_id }) => checkpoint_id === flags.checkpoint);
    if (checkpoint === undefined) {
      const hint = `gait job checkpoint list --id ${flags.id} shows the ${history.checkpoints.length} there are.`;
      throw invalidInput(
        'checkpoint_not_found',
        `no checkpoint ${flags.checkpoint} in job ${flags.id}`,
        hint,
      );
    }
    const approvals = history.approvals.filter(({ checkpoint_id }) => checkpoint_id === flags.checkpoint);
    const approval = tallyOf(history.job, flags.checkpoint, io.clock.now());
    const { checkpoint_id, type, created_at, actor, summary, required_action } = checkpoint;
    return {
      fields: {
        checkpoint: asJson(checkpoint),
        approvals: approvals.map(asJson),
        ...(approval === undefined ? {} : { approval: asJson(approval) }),
      },
      lines: [
        `${io.paint('bold', checkpoint_id)}  ${type}  ${created_at}  by ${printable(actor ?? 'unknown')}`,
        `  ${printable(summary)}`,
        ...(required_action === undefined ? [] : [`  needs: ${printable(required_action)}`]),
        ...approvals.map((by) => `  approved ${by.created_at} by ${printable(by.actor)}${approvalText(by)}`),
        ...(approval === undefined ? [] : [`  ${tallyText(approval)}`]),
      ],
    };
  },
});

export default spec;
