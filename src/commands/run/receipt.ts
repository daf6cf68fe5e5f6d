import { type CommandSpec, command } from '../../cli/command.ts';
import { fromFlag, RUN_OUTPUT, runArgs, runNamed } from '../../cli/flags/run.ts';
import { loadRun } from '../../host/run_files.ts';
import { ticketFooter } from '../../run/session/footer.ts';

const spec: CommandSpec = command({
  output: { schemaId: RUN_OUTPUT, operation: 'receipt' },
  summary: 'Print the footer that ties a ticket to a run.',
  description:
    'The line names the run and the digest of its manifest, so that whoever reads the ticket can hold the runpack ' +
    'against it. The runpack is verified first.',
  examples: [{ says: 'For the ticket of a run', line: 'run receipt run_1' }],
  args: runArgs,
  flags: { from: fromFlag },
  async run(input, io) {
    const { path, manifest } = await loadRun(runNamed(input), io.env);
    const { run_id, manifest_digest } = manifest;
    const ticket_footer = ticketFooter(run_id, manifest_digest);
    return { fields: { path, run_id, manifest_digest, ticket_footer }, lines: [ticket_footer] };
  },
});

export default spec;
