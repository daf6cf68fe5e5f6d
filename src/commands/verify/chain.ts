import { type CommandSpec, command } from '../../cli/command.ts';
import { gateRingOf } from '../../cli/flags/gate.ts';
import { expectedHeads, expectHeadFlag, headText } from '../../cli/flags/head.ts';
import { openAndVerify } from '../../cli/flags/pack.ts';
import { type PolicyValues, signatureDemandOf, signatureFlags } from '../../cli/flags/verify.ts';
import type { Io } from '../../cli/io.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson } from '../../cli/text/job.ts';
import { traceFields, traceLines } from '../../cli/text/trace.ts';
import { describeVerification } from '../../cli/text/verify.ts';
import { type GaitError, invalidInput } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { type DecisionsRead, decisionsError, verifyDecisions } from '../../gate/ledger/verify.ts';
import { gateStore } from '../../host/gate_files.ts';
import { runFile } from '../../host/run_files.ts';
import {
  type CheckedTrace,
  checkTraceFile,
  faultsOfTraces,
  tracedHeads,
  traceError,
} from '../../host/trace_files.ts';
import { type PackVerification, verificationError } from '../../pack/verified.ts';

/** One of the things that are checked together. */
interface Part {
  readonly fields: JsonObject;
  readonly lines: readonly string[];
  readonly failure?: GaitError;
}

const spec: CommandSpec = command({
  output: { schemaId: 'gait.verify.output', operation: 'chain' },
  summary: 'Verify a run, the trace of a decision, its decision log and a pack together.',
  description:
    'Each of them is checked whole, and the trace against the decision log: its entry must be there, say the same, and ' +
    'not be voided; the log must have the entries of all traces that lie beside it, whose signatures are checked where a trace or ' +
    'signatures are asked for. A trace needs a public key. Exit 2 if anything is wrong.',
  examples: [
    {
      says: 'A run and the decision behind it',
      line: 'verify chain --run ./run.zip --trace trace.json --public-key gate_public.key',
    },
    { says: 'That no decision was taken out of the log', line: 'verify chain --decisions ./gait-out/gate' },
  ],
  flags: {
    run: { type: 'string', value: 'RUN', summary: 'Run: its id, or the path of a runpack or pack.' },
    trace: { type: 'string', value: 'FILE', summary: 'Trace file of a decision.' },
    decisions: {
      type: 'string',
      value: 'DIR',
      summary: 'Directory of the gate, such as ./gait-out/gate: its whole decision log is read.',
    },
    pack: { type: 'string', value: 'FILE', summary: 'Pack of any type, for example an evidence pack.' },
    ...expectHeadFlag('a revision of the decision log and the hash of its entry'),
    ...signatureFlags,
  },
  async run({ flags }, io) {
    if ([flags.run, flags.trace, flags.decisions, flags.pack].every((part) => part === undefined)) {
      throw invalidInput(
        'flag_missing',
        'nothing to check is given',
        'Give --run, --trace, --decisions or --pack.',
      );
    }
    if (flags['expect-head'] !== undefined && flags.decisions === undefined) {
      const message = '--expect-head is of a decision log, and none is given';
      throw invalidInput('flag_missing', message, 'Give --decisions DIR.');
    }
    const run = flags.run === undefined ? undefined : await packPart(runFile(flags.run, io.env), flags, io);
    const checked =
      flags.trace === undefined
        ? undefined
        : checkTraceFile(flags.trace, gateRingOf(flags, io), io.clock.now());
    const trace = checked === undefined ? undefined : tracePart(flags.trace ?? '', checked, io);
    const decisions =
      flags.decisions === undefined
        ? undefined
        : decisionsPart(flags.decisions, await decisionsRead(flags.decisions, checked, flags, io), io);
    const pack = flags.pack === undefined ? undefined : await packPart({ path: flags.pack }, flags, io);
    const parts = Object.entries({ run, trace, decisions, pack }).flatMap(([name, part]) =>
      part === undefined ? [] : [[name, part] as const],
    );
    const failed = parts.flatMap(([, part]) => part.failure ?? []);
    const [failure] = failed;
    return {
      fields: Object.fromEntries(parts.map(([name, part]) => [name, part.fields])),
      lines: parts.flatMap(([, part]) => part.lines),
      ...(failure === undefined ? {} : { failure }),
    };
  },
});

/** With a trace, or where signatures are demanded, the traces that lie beside the log are held against the keys too. */
async function decisionsRead(
  dir: string,
  trace: CheckedTrace | undefined,
  flags: PolicyValues & Parameters<typeof expectedHeads>[0],
  io: Io,
): Promise<DecisionsRead> {
  const known = [...expectedHeads(flags), ...tracedHeads(dir)];
  const read = await verifyDecisions(gateStore(dir, io), trace?.document, known);
  if (trace === undefined && !flags['require-signature'] && flags.profile !== 'strict') return read;
  const faults = faultsOfTraces(dir, gateRingOf(flags, io), io.clock.now());
  return { ...read, findings: [...read.findings, ...faults] };
}

async function packPart(
  { path, asked }: ReturnType<typeof runFile>,
  flags: PolicyValues,
  io: Io,
): Promise<Part> {
  const { verification } = await openAndVerify(path, io, { ...signatureDemandOf(flags, io), asked });
  const sound = verification.findings.length === 0;
  return {
    fields: { path, ok: sound, ...runOf(verification), ...asJson(verification) },
    lines: describeVerification(path, verification, io),
    ...(sound ? {} : { failure: verificationError(verification, path) }),
  };
}

/** The run of a runpack or a run pack goes by its own name here. */
function runOf({ legacy_type, pack_type, source_ref }: PackVerification): JsonObject {
  return legacy_type === 'runpack' || pack_type === 'run' ? { run_id: source_ref } : {};
}

function tracePart(path: string, checked: CheckedTrace, io: Io): Part {
  const sound = checked.findings.length === 0;
  return {
    fields: { path, ok: sound, ...traceFields(checked) },
    lines: [printable(path), ...traceLines(checked, io)],
    ...(sound ? {} : { failure: traceError(path, checked.findings) }),
  };
}

function decisionsPart(dir: string, { findings, head, ...counts }: DecisionsRead, io: Io): Part {
  const sound = findings.length === 0;
  const { decided, refused, voided } = counts;
  return {
    fields: {
      path: dir,
      ok: sound,
      head: { ...head },
      ...counts,
      findings: findings.map((one) => ({ ...one })),
    },
    lines: [
      `${printable(dir)}: ${decided} decided, ${refused} refused, ${voided} voided, head ${headText(head)}`,
      ...findings.map(({ code, message }) => `  ${io.paint('red', code)}  ${printable(message)}`),
    ],
    ...(sound ? {} : { failure: decisionsError(dir, findings) }),
  };
}

export default spec;
