import { type CommandSpec, command } from '../../cli/command.ts';
import { approverFlags, approversOf } from '../../cli/flags/approver.ts';
import { authorFlags, authorOf, JOB_OUTPUT, jobFlags, sharedFlag } from '../../cli/flags/job.ts';
import { budgetFlags, budgetOf, taskOf } from '../../cli/flags/worker.ts';
import { describeJob } from '../../cli/text/job.ts';
import { invalidInput } from '../../core/errors.ts';
import { VERSION } from '../../core/version.ts';
import { assertNotLost } from '../../host/workspace/lost_jobs.ts';
import { shareRoot } from '../../host/workspace/shared_root.ts';
import { jobRoot, openJobs } from '../../host/workspace/workspace.ts';
import type { SubmitCommand } from '../../job/command.ts';
import { absoluteRule, observer } from '../../job/environment.ts';
import { fingerprintRules } from '../../job/fingerprint.ts';
import { submitJob } from '../../job/submission.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'submit' },
  summary: 'Submit a durable job.',
  description:
    'Starts the log of a new job, bound to the environment it was submitted in: working on it or resuming it elsewhere is ' +
    'refused until a person accepts the change.',
  examples: [
    { says: 'Submit a job', line: 'job submit --id nightly --actor alice' },
    {
      says: 'Bind it to a file and a variable as well',
      line: 'job submit --id nightly --fingerprint-rule file:./agent.lock --fingerprint-rule env:MODEL',
    },
    {
      says: 'Let two of three persons sign each decision',
      line: 'job submit --id nightly --approver-key ann.pub --approver-key bob.pub --approver-key cy.pub --approvals-required 2',
    },
  ],
  flags: {
    ...jobFlags,
    ...authorFlags,
    'fingerprint-rule': {
      type: 'strings',
      value: 'RULE',
      summary:
        'Bind the job to more than os, arch and runtime: hostname, cwd, env:NAME or file:PATH. Repeatable.',
    },
    'pass-env': {
      type: 'strings',
      value: 'NAME',
      summary:
        'Pass this environment variable of the worker to the command, in addition to PATH, HOME, LANG, TZ ' +
        'and TMPDIR. Repeatable.',
    },
    ...budgetFlags,
    ...approverFlags,
    shared: sharedFlag,
    'if-absent': {
      type: 'boolean',
      summary: 'Return the existing job if it was submitted with the same content, instead of failing.',
    },
    'env-fingerprint': {
      type: 'string',
      value: 'TEXT',
      summary: 'Fingerprint of your own, used as given instead of the computed one.',
    },
  },
  words: { name: 'COMMAND', summary: 'what a worker is to run for the job', required: false },
  async run({ flags, words }, io) {
    const own = flags['env-fingerprint'];
    const requested = flags['fingerprint-rule'];
    if (own !== undefined && requested.length > 0) {
      const hint = 'A fingerprint of your own is kept as given; rules are for the computed one.';
      throw invalidInput(
        'flags_conflict',
        '--env-fingerprint and --fingerprint-rule exclude each other',
        hint,
      );
    }
    const rules = fingerprintRules(requested.map(absoluteRule));
    const claim = await observer(io.env, own)(own === undefined ? rules : undefined);
    const task = taskOf(words, flags['pass-env']);
    const budget = budgetOf(flags);
    const approvers = approversOf(flags);
    const order: SubmitCommand = {
      ...{ kind: 'submit', claim, producerVersion: VERSION },
      ...(task === undefined ? {} : { task }),
      ...(budget === undefined ? {} : { budget }),
      ...(approvers === undefined ? {} : { approvers }),
    };
    if (flags.shared !== undefined) shareRoot(jobRoot(flags.root, io.env), flags.shared);
    const { jobs, store } = openJobs(flags.root, io);
    await assertNotLost(jobs, store, flags.id, io);
    const author = authorOf(flags, io);
    const submitted = await submitJob(jobs, store, flags.id, author, order, flags['if-absent']);
    const { fields, lines } = describeJob(submitted.state, submitted.position, io);
    return { fields: { ...fields, created: submitted.created }, lines };
  },
});

export default spec;
