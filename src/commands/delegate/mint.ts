import { join } from 'node:path';
import { type CommandSpec, command } from '../../cli/command.ts';
import { modeSigner, privateKeyFlags } from '../../cli/flags/key.ts';
import { mintFlags, termsOf } from '../../cli/flags/token.ts';
import { printable } from '../../cli/terminal.ts';
import { mintedReply } from '../../cli/text/token.ts';
import { draftDelegation, signed } from '../../gate/tokens/issue.ts';
import { writeToken } from '../../host/gate_files.ts';
import { csv } from '../../host/read_json.ts';
import { outDir } from '../../host/workspace/workspace.ts';

const spec: CommandSpec = command({
  output: { schemaId: 'gait.delegate.output', operation: 'mint' },
  summary: 'Mint a delegation: one identity may act for another. One hop of a chain.',
  description:
    'Signs a token that `gait gate eval --delegation-token` accepts if it trusts the key. Each hop of a ' +
    'chain has its own, no wider and no longer than the hop before it.',
  examples: [
    {
      says: 'Let bob write for alice, for two hours',
      line: 'delegate mint --delegator alice --delegate bob --scope write --ttl 2h --private-key alice_private.key',
    },
  ],
  flags: {
    delegator: { type: 'string', value: 'NAME', required: true, summary: 'Identity that delegates.' },
    delegate: { type: 'string', value: 'NAME', required: true, summary: 'Identity that may act.' },
    ...mintFlags,
    scope: {
      ...mintFlags.scope,
      summary: 'Scope, comma-separated: write, tool:tool.write, or * for any.',
    },
    'scope-class': {
      type: 'string',
      value: 'CLASS',
      summary: 'Class of the scope, as rules name it.',
    },
    'intent-digest': { type: 'string', value: 'DIGEST', summary: 'Digest of the only call that it is for.' },
    'policy-digest': {
      type: 'string',
      value: 'DIGEST',
      summary: 'Digest of the only policy that it is for.',
    },
    ...privateKeyFlags,
  },
  async run({ flags }, io) {
    const draft = draftDelegation({
      ...termsOf(flags, io),
      ...{ delegator: flags.delegator, delegate: flags.delegate, scope: csv(flags.scope) },
      ...{ scopeClass: flags['scope-class'], intentDigest: flags['intent-digest'] },
      policyDigest: flags['policy-digest'],
    });
    const signer = modeSigner(flags, io);
    const token = signed(draft, signer.key);
    const path = flags.out ?? join(outDir(io.env), `delegation_${String(token['token_id'])}.json`);
    writeToken(path, token, io.env);
    for (const warning of signer.warnings) io.note(`warning: ${warning}`);
    return mintedReply(
      token,
      path,
      signer,
      `${printable(flags.delegate)} may act for ${printable(flags.delegator)}`,
    );
  },
});

export default spec;
