import { join } from 'node:path';
import { type CommandSpec, command } from '../cli/command.ts';
import { modeSigner, privateKeyFlags } from '../cli/flags/key.ts';
import { mintFlags, termsOf } from '../cli/flags/token.ts';
import type { Io } from '../cli/io.ts';
import { printable } from '../cli/terminal.ts';
import { callLines } from '../cli/text/call.ts';
import { decisionLines } from '../cli/text/policy.ts';
import { mintedReply } from '../cli/text/token.ts';
import { invalidInput } from '../core/errors.ts';
import { rulesAlone } from '../gate/evaluate.ts';
import { claimsDigest, delegationDigest, intentDigest } from '../gate/intent/digest.ts';
import type { IntentRequest } from '../gate/intent/intent.ts';
import { draftApproval, signed } from '../gate/tokens/issue.ts';
import { writeToken } from '../host/gate_files.ts';
import { type PolicyFile, readIntentFile, readPolicyFile } from '../host/policy_files.ts';
import { csv } from '../host/read_json.ts';
import { outDir } from '../host/workspace/workspace.ts';

const spec: CommandSpec = command({
  output: { schemaId: 'gait.approve.output', operation: 'approve' },
  summary: 'Approve one call under one policy: once, and for a limited time.',
  description:
    'Signs a token that `gait gate eval --approval-token` accepts if it trusts the key. With the call ' +
    'and the policy as files, the approval is for exactly these arguments, which are shown together with ' +
    'what the policy says of them; a call that needs no approval gets none. With their digests instead, ' +
    'as a decision printed them, you sign what you do not see. The call that runs on a token uses it up.',
  examples: [
    {
      says: 'Approve what a file asks for',
      line: 'approve --intent intent.json --policy gait.policy.yaml --ttl 1h --approver bob --reason-code ticket-7 --private-key bob_private.key',
    },
    {
      says: 'By digests',
      line: 'approve --intent-digest d12d…8e --policy-digest b2fd…9c --scope tool:tool.write --ttl 30m --approver bob --reason-code ticket-7',
    },
  ],
  flags: {
    intent: {
      type: 'string',
      value: 'FILE',
      summary: 'File with the call: exactly its arguments are approved.',
    },
    policy: { type: 'string', value: 'FILE', summary: 'Policy that the call is approved under.' },
    'intent-digest': {
      type: 'string',
      value: 'DIGEST',
      summary: 'Digest of the call, instead of its file.',
    },
    'policy-digest': {
      type: 'string',
      value: 'DIGEST',
      summary: 'Digest of the policy, instead of its file.',
    },
    'delegation-binding-digest': {
      type: 'string',
      value: 'DIGEST',
      summary: 'Digest of the call’s delegation, if it has one. Taken from --intent when that is given.',
    },
    approver: {
      type: 'string',
      value: 'NAME',
      required: true,
      summary: 'Identity of the approver; must differ from the requester.',
    },
    'reason-code': { type: 'string', value: 'TEXT', required: true, summary: 'Reason, such as a ticket.' },
    ...mintFlags,
    ...privateKeyFlags,
  },
  async run({ flags }, io) {
    const seen = seenCall(flags, io);
    const draft = draftApproval({
      ...termsOf(flags, io),
      ...subjectOf(flags, seen),
      ...{ approver: flags.approver, reasonCode: flags['reason-code'] },
    });
    const signer = modeSigner(flags, io);
    const token = signed(draft, signer.key);
    const path = flags.out ?? join(outDir(io.env), `approval_${String(token['token_id'])}.json`);
    writeToken(path, token, io.env);
    for (const warning of signer.warnings) io.note(`warning: ${warning}`);
    const minted = mintedReply(token, path, signer, `approved by ${printable(flags.approver)}`);
    return { ...minted, lines: [...seen.lines, ...minted.lines] };
  },
});

function scopeOf(given: string | undefined, tool: string | undefined): string[] {
  return given === undefined && tool !== undefined ? [`tool:${tool}`] : csv(given);
}

interface SubjectValues {
  readonly scope: string | undefined;
  readonly intent: string | undefined;
  readonly policy: string | undefined;
  readonly 'intent-digest': string | undefined;
  readonly 'policy-digest': string | undefined;
  readonly 'delegation-binding-digest': string | undefined;
}

/** What the files say, and what the approver has to see of it. */
interface SeenCall {
  readonly request: IntentRequest | undefined;
  readonly file: PolicyFile | undefined;
  readonly lines: readonly string[];
}

/** Throws for a call that needs no approval, and for one that none could help: nobody should sign for nothing. */
function seenCall(flags: Pick<SubjectValues, 'intent' | 'policy'>, io: Io): SeenCall {
  const request = flags.intent === undefined ? undefined : readIntentFile(flags.intent);
  const file = flags.policy === undefined ? undefined : readPolicyFile(flags.policy);
  if (request === undefined) return { request, file, lines: [] };
  const lines = callLines(request);
  if (file === undefined) return { request, file, lines };
  const decision = rulesAlone(file.policy, request, io.clock.now());
  const { verdict, duties, reason_codes } = decision;
  if (verdict !== 'require_approval' && duties.approvals === 0) {
    const why =
      verdict === 'block' ? 'is blocked by the policy, approved or not' : `is ${verdict} by the policy`;
    const hint = 'Nothing was signed. `gait policy explain` shows how each rule stands to it.';
    throw invalidInput('approval_needless', `the call ${why}: ${reason_codes.join(', ')}`, hint);
  }
  return { request, file, lines: [...lines, ...decisionLines(decision, io)] };
}

/** What is approved: digests that are given, or those of files. Throws if both say something, and not the same. */
function subjectOf(flags: SubjectValues, { request, file }: SeenCall) {
  const delegation = request?.intent.delegation;
  const intent = request === undefined ? undefined : intentDigest(request.intent);
  const bound = delegation === undefined ? undefined : delegationDigest(delegation);
  return {
    intentDigest: one('intent', flags['intent-digest'], intent),
    policyDigest: one('policy', flags['policy-digest'], file?.digest),
    scope: scopeOf(flags.scope, request?.intent.tool_name),
    delegationDigest: same('delegation-binding', flags['delegation-binding-digest'], bound),
    exactArgsDigest: request?.exact_args_digest,
    claimsDigest: request === undefined ? undefined : claimsDigest(request.claims),
  };
}

function one(what: string, given: string | undefined, found: string | undefined): string {
  const digest = same(what, given, found);
  if (digest !== undefined) return digest;
  const hint = `Give --${what} FILE or --${what}-digest DIGEST.`;
  throw invalidInput('flag_missing', `missing --${what}-digest`, hint);
}

function same(what: string, given: string | undefined, found: string | undefined): string | undefined {
  if (given === undefined || found === undefined || given.trim().toLowerCase() === found)
    return given ?? found;
  throw invalidInput('flags_conflict', `--${what}-digest is not the digest of what the file says: ${found}`);
}

export default spec;
