import { type CommandSpec, command } from '../../cli/command.ts';
import { captureKeyFlag, privateKeyFlags, signerOf, signingProfileFlag } from '../../cli/flags/key.ts';
import { RUN_OUTPUT } from '../../cli/flags/run.ts';
import type { Io } from '../../cli/io.ts';
import { shellWord } from '../../cli/run.ts';
import { printable } from '../../cli/terminal.ts';
import { count } from '../../cli/text/job.ts';
import { runpackFields, signatureFields } from '../../cli/text/run.ts';
import { GaitError, invalidInput } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import { readContextEnvelope } from '../../host/policy_files.ts';
import { readJsonFile } from '../../host/read_json.ts';
import { machineNames, runpackPath, writeRunpack } from '../../host/sessions/runpack_files.ts';
import { outDir } from '../../host/workspace/workspace.ts';
import type { CaptureMode, EvidenceMode } from '../../run/documents.ts';
import { recordRun } from '../../run/record.ts';

const MAX_INPUT_BYTES = 256 * 1024 * 1024;

const spec: CommandSpec = command({
  output: { schemaId: RUN_OUTPUT, operation: 'record' },
  summary: 'Record a run as a runpack: what an agent asked its tools to do, and the results.',
  description:
    'The input is JSON: {run, intents, results, refs, capture_mode, normalization} (docs/contracts/runpack_v1.md). ' +
    'Digests that are missing are computed, wrong ones refused in raw mode, and warned about in reference mode, the ' +
    'default, in which arguments and results are left out once they are digested. The same input gives the same file, byte for byte.',
  examples: [
    { says: 'Record a run', line: 'run record --input run.json' },
    {
      says: 'With arguments and results, signed',
      line: 'run record run.json --capture-mode raw --key-mode dev',
    },
  ],
  args: [{ name: 'INPUT', summary: 'the file with the run', required: false }],
  flags: {
    input: { type: 'string', value: 'FILE', summary: 'Input file, instead of the argument.' },
    'out-dir': {
      type: 'string',
      value: 'DIR',
      summary: 'Directory for runpack_<run id>.zip. By default ./gait-out.',
    },
    'run-id': { type: 'string', value: 'ID', summary: 'Run id to put into all documents of the run.' },
    'capture-mode': {
      type: 'string',
      value: 'MODE',
      options: ['reference', 'raw'],
      summary:
        'Capture mode: keep digests only (reference), or arguments and results too (raw). By default as the ' +
        'input says.',
    },
    'context-envelope': {
      type: 'string',
      value: 'FILE',
      summary: 'Context envelope whose records replace the receipts of the input.',
    },
    'context-evidence-mode': {
      type: 'string',
      value: 'MODE',
      options: ['best_effort', 'required'],
      summary: 'Refuse a run without valid context evidence (required), or only warn (best_effort).',
    },
    'unsafe-context-raw': { type: 'boolean', summary: 'Accept receipts whose context is not redacted.' },
    'key-mode': captureKeyFlag,
    ...privateKeyFlags,
    profile: {
      ...signingProfileFlag,
      summary:
        'strict and oss-prod refuse a digest that is not of the content beside it, and to sign with a private key that others can read.',
    },
  },
  async run({ flags, args }, io) {
    const signer = signerOf(flags['key-mode'], flags, io);
    const input = readJsonFile(inputOf(flags.input, args), MAX_INPUT_BYTES);
    const envelope = readEnvelope(flags['context-envelope'], flags['context-evidence-mode'] === 'required');
    const recorded = recordRun(input, {
      runId: flags['run-id'],
      captureMode: flags['capture-mode'] as CaptureMode | undefined,
      evidenceMode: flags['context-evidence-mode'] as EvidenceMode | undefined,
      contextEnvelope: envelope.value,
      rawContext: flags['unsafe-context-raw'],
      strict: flags.profile !== undefined && flags.profile !== 'standard',
      now: io.clock.now(),
      machine: machineNames(),
    });
    const path = runpackPath(outDirOf(flags['out-dir'], io), recorded.run.run_id);
    const manifest = await writeRunpack(path, recorded, signer?.key, io.env);
    const warnings = [...(signer?.warnings ?? []), ...envelope.warnings, ...recorded.warnings];
    for (const warning of warnings) io.note(`warning: ${warning}`);
    const fields = runpackFields(path, manifest);
    const { intents, results, captureMode } = recorded;
    return {
      fields: { ...fields, path, capture_mode: captureMode, ...signatureFields(signer), warnings },
      lines: [
        printable(path),
        `  run       ${manifest.run_id}, ${captureMode} capture, ${count(intents.length, 'intent')}, ${count(results.length, 'result')}`,
        `  manifest  ${manifest.manifest_digest}`,
        ...(signer === undefined ? [] : [`  signed    by ${signer.key.keyId}`]),
        `  check it  gait verify ${shellWord(path)}`,
        String(fields['ticket_footer']),
      ],
    };
  },
});

function outDirOf(flag: string | undefined, io: Io): string {
  if (flag === '') throw invalidInput('flag_value_invalid', '--out-dir is empty', 'Give a directory.');
  return flag ?? outDir(io.env);
}

function inputOf(flag: string | undefined, [argument]: readonly string[]): string {
  if (flag !== undefined && argument !== undefined) {
    throw invalidInput('argument_unexpected', 'the input is given twice, as an argument and by --input');
  }
  const path = flag ?? argument;
  if (path !== undefined && path !== '') return path;
  throw invalidInput('argument_missing', 'no input is given', 'Name the file: gait run record FILE.');
}

/** An envelope that cannot be read stops a run only where evidence is required. */
function readEnvelope(
  path: string | undefined,
  required: boolean,
): { readonly value?: Json; readonly warnings: readonly string[] } {
  if (path === undefined) return { warnings: [] };
  try {
    return { value: readContextEnvelope(path), warnings: [] };
  } catch (error) {
    if (required || !(error instanceof GaitError)) throw error;
    return { warnings: [`the context envelope is not used: ${error.message}`] };
  }
}

export default spec;
