import { type CommandSpec, command } from '../../../cli/command.ts';
import { captureKeyFlag, privateKeyFlags, signerOf, signingProfileFlag } from '../../../cli/flags/key.ts';
import { journalFlag, openJournal, SESSION_OUTPUT } from '../../../cli/flags/session.ts';
import { shellWord } from '../../../cli/run.ts';
import { printable } from '../../../cli/terminal.ts';
import { asJson } from '../../../cli/text/job.ts';
import { signatureFields } from '../../../cli/text/run.ts';
import { makeCheckpoint } from '../../../host/sessions/checkpoint_files.ts';

const spec: CommandSpec = command({
  output: { schemaId: SESSION_OUTPUT, operation: 'checkpoint' },
  summary: 'Seal the events since the last checkpoint in a runpack, and chain it to the one before.',
  description:
    'Writes the runpack, then the checkpoint into the journal, then the chain beside it, JOURNAL_chain.json: whoever ' +
    'has the chain and the runpacks can check them without the journal, from any directory.',
  examples: [
    { says: 'Seal what was done so far', line: 'run session checkpoint --journal night.jsonl' },
    {
      says: 'Signed, with a copy of the chain',
      line: 'run session checkpoint --journal night.jsonl --key-mode dev --chain-out ./evidence/chain.json',
    },
  ],
  flags: {
    journal: journalFlag,
    out: { type: 'string', value: 'FILE', summary: 'Runpack to write. By default beside the journal.' },
    'chain-out': { type: 'string', value: 'FILE', summary: 'File to write a copy of the chain to.' },
    'key-mode': captureKeyFlag,
    ...privateKeyFlags,
    profile: signingProfileFlag,
  },
  async run({ flags }, io) {
    const signer = signerOf(flags['key-mode'], flags, io);
    const request = { out: flags.out, chainOut: flags['chain-out'], key: signer?.key };
    const made = await makeCheckpoint({ journal: openJournal(flags.journal), ...request }, io);
    const { checkpoint, runpackPath, chainPath } = made;
    const warnings = [...(signer?.warnings ?? [])];
    for (const warning of warnings) io.note(`warning: ${warning}`);
    const { checkpoint_index: index, sequence_start: start, sequence_end: end } = checkpoint;
    return {
      fields: {
        ...{ journal: flags.journal, chain_path: flags['chain-out'] ?? chainPath, path: runpackPath },
        ...{ checkpoint: asJson(checkpoint), ...signatureFields(signer), warnings },
      },
      lines: [
        `${printable(runpackPath)}: checkpoint ${index}, events ${start} to ${end}`,
        `  digest    ${checkpoint.checkpoint_digest}`,
        ...(signer === undefined ? [] : [`  signed    by ${signer.key.keyId}`]),
        `  check it  gait verify session-chain ${shellWord(chainPath)}`,
      ],
    };
  },
});

export default spec;
