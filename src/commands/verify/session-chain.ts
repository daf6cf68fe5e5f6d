import { type CommandSpec, command } from '../../cli/command.ts';
import { expectedHeads, expectHeadFlag } from '../../cli/flags/head.ts';
import { signatureDemandOf, signatureFlags } from '../../cli/flags/verify.ts';
import type { Io } from '../../cli/io.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson } from '../../cli/text/job.ts';
import { GaitError, invalidInput } from '../../core/errors.ts';
import { openSource } from '../../files/file_source.ts';
import { verifiedFile } from '../../host/read_json.ts';
import { chainPathOf, checkpointsBeside, readChain, runpackOf } from '../../host/sessions/chain_files.ts';
import { type ChainVerification, isSound, type OpenRunpack, verifyChain } from '../../run/session/chain.ts';
import { readContainer } from '../../zip/reader.ts';

const spec: CommandSpec = command({
  output: { schemaId: 'gait.verify.output', operation: 'session-chain' },
  summary: 'Check the chain of a session: that its checkpoints follow each other, and every runpack.',
  description:
    'Needs the chain and the runpacks that it names, which are looked for from the directory of the chain: it verifies ' +
    'wherever both are. A runpack of a later checkpoint beside them is a finding. Exit 2 if anything is wrong.',
  examples: [
    { says: 'Check a chain', line: 'verify session-chain ./night_chain.json' },
    {
      says: 'With every checkpoint signed',
      line: 'verify session-chain --chain night_chain.json --profile strict --public-key agent.pub',
    },
  ],
  args: [{ name: 'CHAIN', summary: 'the chain', required: false }],
  flags: {
    chain: { type: 'string', value: 'FILE', summary: 'The chain, in place of the argument.' },
    ...expectHeadFlag('the index of a checkpoint and its checkpoint_digest'),
    ...signatureFlags,
  },
  async run({ flags, args }, io) {
    const path = chainOf(flags.chain, args);
    const policy = signatureDemandOf(flags, io);
    const chain = verifiedFile('chain_damaged', () => readChain(path));
    const open: OpenRunpack = (checkpoint) => openRunpack(runpackOf(path, checkpoint));
    const remembered = { known: expectedHeads(flags), beside: checkpointsBeside(path, chain) };
    const verification = verifyChain(chain, open, policy, remembered);
    const { session_id, run_id, checkpoints_checked, linkage_errors, checkpoint_errors } = verification;
    return {
      fields: {
        ...{ path, chain_path: path, session_id, run_id, checkpoints_checked },
        ...{ linkage_errors, checkpoint_errors, checkpoints: verification.checkpoints.map(asJson) },
      },
      lines: describe(path, verification, io),
      ...(isSound(verification) ? {} : { failure: damaged(path, verification) }),
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

function openRunpack(path: string): ReturnType<OpenRunpack> {
  try {
    const { source, close } = openSource(path);
    return { container: readContainer(source), close };
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    return `its runpack cannot be read: ${error.message}`;
  }
}

function damaged(path: string, { linkage_errors, checkpoint_errors }: ChainVerification): GaitError {
  const all = [...linkage_errors, ...checkpoint_errors];
  const more = all.length > 1 ? ` (and ${all.length - 1} more)` : '';
  return new GaitError({
    code: 'chain_damaged',
    category: 'verification_failed',
    message: `${path} does not verify: ${all[0] ?? 'unknown finding'}${more}`,
    hint: 'The answer lists all findings. Ask for the chain and its runpacks again from where they were made.',
  });
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
