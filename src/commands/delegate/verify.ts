import { type CommandSpec, command } from '../../cli/command.ts';
import { gateFlags, gateRingOf, settingsOf } from '../../cli/flags/gate.ts';
import { stateFlag } from '../../cli/flags/gate_state.ts';
import { privateKeyFlags, trustFlags } from '../../cli/flags/key.ts';
import { keyringFlags } from '../../cli/flags/keyring.ts';
import { readUses, tokenReply } from '../../cli/text/token.ts';
import { checkDelegation, type DelegationFinding } from '../../gate/tokens/delegation.ts';
import { revocationsIn, tokenRulesOf } from '../../gate/tokens/terms.ts';
import { gateStore } from '../../host/gate_files.ts';
import { csv, verifiedFile } from '../../host/read_json.ts';
import { readToken } from '../../host/token_files.ts';
import { gateDir } from '../../host/workspace/output_places.ts';

const spec: CommandSpec = command({
  output: { schemaId: 'gait.delegate.output', operation: 'verify' },
  summary: 'Verify a delegation: who signed it, for whom, and that it is valid now.',
  examples: [
    {
      says: 'That it lets bob write for alice',
      line: 'delegate verify --token d.json --public-key alice_public.key --delegator alice --delegate bob --scope write',
    },
  ],
  flags: {
    token: { type: 'string', value: 'FILE', required: true, summary: 'The delegation.' },
    delegator: { type: 'string', value: 'NAME', summary: 'Fail unless it is by this identity.' },
    delegate: { type: 'string', value: 'NAME', summary: 'Fail unless it is for this identity.' },
    scope: {
      type: 'string',
      value: 'SCOPES',
      summary: 'Fail unless it covers all of these scopes, comma-separated.',
    },
    'intent-digest': { type: 'string', value: 'DIGEST', summary: 'Digest of the call, if it is for one.' },
    'policy-digest': { type: 'string', value: 'DIGEST', summary: 'Digest of the policy, if it is for one.' },
    ...trustFlags,
    ...privateKeyFlags,
    ...keyringFlags,
    audience: gateFlags.audience,
    ...stateFlag,
  },
  async run({ flags }, io) {
    const keyring = gateRingOf(flags, io, 'delegator');
    const document = verifiedFile('delegation_token_invalid', () => readToken(flags.token));
    const uses = await readUses(gateStore(gateDir(flags['state-dir'], io.env), io));
    const settings = settingsOf({
      profile: 'standard',
      audience: flags.audience,
      'max-token-lifetime': undefined,
    });
    const rules = tokenRulesOf({ gate: settings, keyring }, io.clock.now());
    const subject = {
      ...(flags.delegator === undefined ? {} : { delegator: flags.delegator }),
      ...(flags.delegate === undefined ? {} : { delegate: flags.delegate }),
      // What is not asked for is not compared: the token's own answer is shown.
      ...boundTo('intent', flags['intent-digest'], document['intent_digest']),
      ...boundTo('policy', flags['policy-digest'], document['policy_digest']),
    };
    const finding = checkDelegation(document, subject, rules, revocationsIn(uses));
    return tokenReply(withScope(finding, csv(flags.scope)), flags.token, 'delegation', io);
  },
});

function boundTo(what: 'intent' | 'policy', given: string | undefined, own: unknown): object {
  const digest = given ?? (typeof own === 'string' ? own : undefined);
  return digest === undefined ? {} : { [`${what}Digest`]: digest };
}

function withScope(finding: DelegationFinding, wanted: readonly string[]): DelegationFinding {
  const { valid, scope = [] } = finding;
  const lacks = wanted.find((one) => !scope.includes(one.toLowerCase()) && !scope.includes('*'));
  if (!valid || lacks === undefined) return finding;
  const error_code = 'delegation_token_scope_mismatch';
  return { ...finding, valid: false, error_code, detail: `its scope lacks ${lacks}` };
}

export default spec;
