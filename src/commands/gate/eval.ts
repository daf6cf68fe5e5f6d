import { type CommandSpec, command } from '../../cli/command.ts';
import { brokerFlags } from '../../cli/flags/broker.ts';
import { homeFlags } from '../../cli/flags/evaluation.ts';
import { believedFlags, gateFlags } from '../../cli/flags/gate.ts';
import { configFlags, withConfig } from '../../cli/flags/gate_config.ts';
import {
  askedFlags,
  askedOfFiles,
  gateOfFlags,
  gatePlace,
  recordFlags,
  signingFlags,
} from '../../cli/flags/gate_eval.ts';
import { stateFlag } from '../../cli/flags/gate_state.ts';
import { privateKeyFlags } from '../../cli/flags/key.ts';
import { keyringFlags } from '../../cli/flags/keyring.ts';
import { answerFields, answerLines, GATE_OUTPUT, gateRefusalOf } from '../../cli/text/gate.ts';

const spec: CommandSpec = command({
  output: { schemaId: GATE_OUTPUT, operation: 'eval' },
  summary: 'Decide whether a tool call may run, and record why, signed.',
  description:
    'Run the call only if the verdict is allow and the exit code is 0. Exit 0: allow, and dry_run under ' +
    'the standard profile; 3: block; 4: approval required; 6: a policy, call or key that cannot be read. ' +
    'Records are written first, then the decision is appended to a chained log, then the signed trace is ' +
    'written.',
  examples: [
    { says: 'Decide', line: 'gate eval --policy gait.policy.yaml --intent intent.json' },
    {
      says: 'With an approval, by a key that is believed',
      line: 'gate eval --policy gait.policy.yaml --intent intent.json --approval-token approval.json --approval-public-key bob_public.key',
    },
    { says: 'Only ask what would be', line: 'gate eval --policy draft.yaml --intent intent.json --simulate' },
  ],
  flags: {
    ...askedFlags,
    ...gateFlags,
    ...homeFlags,
    ...stateFlag,
    ...signingFlags,
    ...privateKeyFlags,
    ...keyringFlags,
    ...believedFlags,
    ...brokerFlags,
    ...recordFlags,
    ...configFlags,
    simulate: {
      type: 'boolean',
      summary: 'Dry run: use nothing up, issue nothing, exit 0.',
    },
    'require-allow': { type: 'boolean', summary: 'Exit 3 for dry_run as well.' },
  },
  async run(input, io) {
    const flags = withConfig(input.flags, input.given);
    const place = gatePlace(flags, io);
    const asked = await askedOfFiles(flags, place);
    const { gate, signer, keyMode } = gateOfFlags(flags, place, io);
    for (const warning of signer.warnings) io.note(`warning: ${warning}`);
    const answer = await gate.decide({ ...asked, simulate: flags.simulate });
    const { profile } = flags;
    const failure = gateRefusalOf(answer, { profile, requireAllow: flags['require-allow'] });
    return {
      fields: { ...answerFields(answer, place, profile), key_mode: keyMode, warnings: [...signer.warnings] },
      lines: answerLines(answer, place, io),
      ...(failure === undefined ? {} : { failure }),
    };
  },
});

export default spec;
