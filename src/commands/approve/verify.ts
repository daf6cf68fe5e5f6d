import { type CommandSpec, command } from '../../cli/command.ts';
import { gateFlags, gateRingOf, settingsOf } from '../../cli/flags/gate.ts';
import { stateFlag } from '../../cli/flags/gate_state.ts';
import { privateKeyFlags, trustFlags } from '../../cli/flags/key.ts';
import { keyringFlags } from '../../cli/flags/keyring.ts';
import { readUses, tokenReply } from '../../cli/text/token.ts';
import { checkApproval } from '../../gate/tokens/approval.ts';
import { approvalSubject, revocationsIn, tokenRulesOf } from '../../gate/tokens/terms.ts';
import { gateStore } from '../../host/gate_files.ts';
import { readIntentFile, readPolicyFile } from '../../host/policy_files.ts';
import { verifiedFile } from '../../host/read_json.ts';
import { readToken } from '../../host/token_files.ts';
import { gateDir } from '../../host/workspace/output_places.ts';

const spec: CommandSpec = command({
  output: { schemaId: 'gait.approve.output', operation: 'verify' },
  summary: 'Verify an approval: that it is for this call under this policy, valid now, and unused.',
  examples: [
    {
      says: 'Check one',
      line: 'approve verify --token approval.json --intent intent.json --policy gait.policy.yaml --public-key bob_public.key',
    },
  ],
  flags: {
    token: { type: 'string', value: 'FILE', required: true, summary: 'The approval.' },
    intent: { type: 'string', value: 'FILE', required: true, summary: 'The call.' },
    policy: { type: 'string', value: 'FILE', required: true, summary: 'The policy.' },
    ...trustFlags,
    ...privateKeyFlags,
    ...keyringFlags,
    ...gateFlags,
    ...stateFlag,
  },
  async run({ flags }, io) {
    const keyring = gateRingOf(flags, io, 'approver');
    const document = verifiedFile('approval_token_invalid', () => readToken(flags.token));
    const { policy } = readPolicyFile(flags.policy);
    const request = readIntentFile(flags.intent);
    const uses = await readUses(gateStore(gateDir(flags['state-dir'], io.env), io));
    const rules = tokenRulesOf({ gate: settingsOf(flags), keyring }, io.clock.now());
    const tokenUses = {
      isUsed: (digest: string) => Object.hasOwn(uses.used, digest),
      ...revocationsIn(uses),
    };
    const finding = checkApproval(document, approvalSubject(policy, request), rules, tokenUses);
    return tokenReply(finding, flags.token, 'approval', io);
  },
});

export default spec;
