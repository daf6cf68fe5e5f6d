import { type CommandSpec, command } from '../../cli/command.ts';
import { expectedHeads, expectHeadFlag } from '../../cli/flags/head.ts';
import { signatureDemandOf, signatureFlags } from '../../cli/flags/verify.ts';
import type { Io } from '../../cli/io.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson } from '../../cli/text/job.ts';
import { invalidInput } from '../../core/errors.ts';
import { chainDamaged, chainPathOf, verifyChainFile } from '../../host/sessions/chain_files.ts';
import { type ChainVerification, isSound } from '../../run/session/chain.ts';

const spec: CommandSpec = command({
  output: { schemaId: 'gait.verify.output', operation: 'session-chain' },
  summary: 'Verify the chain of a session: that its checkpoints follow each other, and every runpack.',
  description:
    'Needs the chain and the runpacks that it names, relative to the directory of the chain: both can be ' +
    'moved together. A runpack of a later checkpoint beside them is a finding. Exit 2 if anything is ' +
    'wrong.',
  examples: [
    { says: 'Check a chain', line: 'verify session-chain ./night_chain.json' },
    {
      says: 'With every checkpoint signed',
      line: 'verify session-chain --chain night_chain.json --profile strict --public-key agent.pub',
    },
  ],
  args: [{ name: 'CHAIN', summary: 'the chain', required: false }],
  flags: {
    chain: { type: 'string', value: 'FILE', summary: 'Chain file, instead of the argument.' },
    ...expectHeadFlag('the index of a checkpoint and its checkpoint_digest'),
    ...signatureFlags,
  },
  async run({ flags, args }, io) {
    const path = chainOf(flags.chain, args);
    const { verification } = verifyChainFile(path, signatureDemandOf(flags, io), expectedHeads(flags));
    const { session_id, run_id, checkpoints_checked, linkage_errors, checkpoint_errors } = verification;
    return {
      fields: {
        ...{ path, chain_path: path, session_id, run_id, checkpoints_checked },
        ...{ linkage_errors, checkpoint_errors, checkpoints: verification.checkpoints.map(asJson) },
      },
      lines: describe(path, verification, io),
      ...(isSound(verification) ? {} : { failure: chainDamaged(path, verification) }),
    };
  },
});

function chainOf(flag: string | undefined, [argument]: readonly string[]): string {
  if (flag !== undefined && argument !== undefined) {
    throw invalidInput('argument_unexpected', 'the chain is given twice, as an argument and by --chain');
  }
  const path = flag ?? argument;
  if (path !== undefined && path !== '') return path;
  const hint = `Name the file, such as ${chainPathOf('night.jsonl')}.`;
  throw invalidInput('argument_missing', 'no chain is given', hint);
}

function describe(path: string, verification: ChainVerification, io: Io): string[] {
  const { session_id, run_id, checkpoints, linkage_errors, checkpoint_errors } = verification;
  return [
    `${printable(path)}: session ${printable(session_id)}, run ${printable(run_id)}`,
    ...checkpoints.map(({ checkpoint_index, runpack_path, signature_status, findings }) => {
      const mark = findings.length === 0 ? io.paint('green', 'read') : io.paint('red', 'failed');
      return `  checkpoint ${checkpoint_index}  ${mark}  ${printable(runpack_path)}  signature ${signature_status}`;
    }),
    ...[...linkage_errors, ...checkpoint_errors].map(
      (message) => `  ${io.paint('red', 'wrong')}  ${printable(message)}`,
    ),
  ];
}

export default spec;
