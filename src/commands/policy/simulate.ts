import { type CommandSpec, command } from '../../cli/command.ts';
import { evaluationFlags, evaluationTime, homeFlags } from '../../cli/flags/evaluation.ts';
import { POLICY_OUTPUT, simulationReply } from '../../cli/text/policy.ts';
import { simulate } from '../../gate/simulate.ts';
import { fixturePaths, homeOf, readIntentFile, readPolicyFile } from '../../host/policy_files.ts';

const spec: CommandSpec = command({
  output: { schemaId: POLICY_OUTPUT, operation: 'simulate' },
  summary: 'Compare two policies on many calls: what changes if one replaces the other.',
  description:
    'Recommends to enforce the candidate, to review calls that are judged more strictly, or to observe ' +
    'it first if it allows what was not allowed. Exit 0 whatever changes.',
  examples: [
    {
      says: 'Try a draft on the calls of last week',
      line: 'policy simulate --policy draft.yaml --baseline gait.policy.yaml --fixtures calls/',
    },
  ],
  flags: {
    ...evaluationFlags,
    ...homeFlags,
    policy: { type: 'string', value: 'FILE', required: true, summary: 'Candidate policy.' },
    baseline: { type: 'string', value: 'FILE', required: true, summary: 'Policy that is in force.' },
    fixtures: {
      type: 'strings',
      value: 'PATH',
      summary: 'Calls as JSON: files or directories, comma-separated. Repeatable.',
    },
  },
  async run({ flags }, io) {
    const candidate = readPolicyFile(flags.policy);
    const baseline = readPolicyFile(flags.baseline);
    const named = flags.fixtures.flatMap((list) => list.split(',')).filter((path) => path.trim() !== '');
    const fixtures = fixturePaths(named).map((path) => ({ path, request: readIntentFile(path) }));
    const now = evaluationTime(flags, io);
    const simulation = simulate(baseline.policy, candidate.policy, fixtures, now, homeOf(flags));
    return simulationReply(baseline, candidate, simulation, now, io);
  },
});

export default spec;
