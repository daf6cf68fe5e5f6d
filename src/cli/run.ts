import { canonicalize } from '../core/canonical.ts';
import { GaitError, ioFailure } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { CommandInput, CommandSpec, FlagTable, Reply } from './command.ts';
import { EXIT_CODES } from './exit.ts';
import type { Io } from './io.ts';
import { parseCommandLine } from './parse.ts';
import { printable } from './terminal.ts';

export const OUTPUT_VERSION = '1.0.0';

/**
 * Runs a command on its arguments, closes what it opened, writes what it answers, and returns the exit code. Never throws.
 */
export async function runCommand<F extends FlagTable>(
  spec: CommandSpec<F>,
  argv: readonly string[],
  io: Io,
): Promise<number> {
  let fields: JsonObject = {};
  try {
    const input = parseCommandLine(spec, argv);
    fields = identityOf(input.flags);
    return answer(spec.output, { ...fields }, await ran(spec, input, io), io);
  } catch (error) {
    return answer(spec.output, fields, { fields: {}, lines: [], failure: typed(error, io) }, io);
  }
}

async function ran<F extends FlagTable>(
  spec: CommandSpec<F>,
  input: CommandInput<F>,
  io: Io,
): Promise<Reply> {
  try {
    return await spec.run(input, io);
  } finally {
    await io.held.close();
  }
}

/** The place where every output is written: JSON or text to standard output, errors to standard error. */
export function answer(output: CommandSpec['output'], identity: JsonObject, reply: Reply, io: Io): number {
  const { failure } = reply;
  if (io.json && reply.streamed !== true) {
    io.printJson(`${outputText(output, { ...identity, ...reply.fields }, failure)}\n`);
  } else {
    io.printAll(reply.lines);
    if (failure !== undefined) printError(failure, io);
  }
  return failure === undefined ? 0 : EXIT_CODES[failure.category];
}

/** The one line of JSON that a command prints. */
export function outputText(output: CommandSpec['output'], fields: JsonObject, failure?: GaitError): string {
  const envelope = {
    schema_id: output.schemaId,
    schema_version: OUTPUT_VERSION,
    ok: failure === undefined,
    operation: output.operation,
  };
  const error = failure === undefined ? {} : errorFields(failure);
  return canonicalize({ ...envelope, ...fields, ...error });
}

/** True when the caller is a script, even if the rest of the command line is wrong. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const flags = end === -1 ? argv : argv.slice(0, end);
  return flags.includes('--json') || flags.includes('--json=true');
}

function identityOf(flags: Readonly<Record<string, unknown>>): JsonObject {
  const id = flags['id'];
  return typeof id === 'string' && id !== '' ? { job_id: id } : {};
}

function errorFields(error: GaitError): JsonObject {
  return {
    error: redacted(error.message),
    error_code: error.code,
    error_category: error.category,
    retryable: error.retryable,
    exit_code: EXIT_CODES[error.category],
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
  };
}

/** The text of a private key, given in the wrong place, is not repeated. */
function redacted(message: string): string {
  return message.replace(PRIVATE_KEY_TEXT, '[redacted]');
}

/** 64 bytes in base64 or base64url, with or without padding. */
const PRIVATE_KEY_TEXT = /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{86}(?:==)?(?![A-Za-z0-9+/_=-])/g;

function printError(error: GaitError, io: Io): void {
  io.note(
    `${io.paint('red', 'error:')} ${printable(redacted(error.message))}  [${error.code}, exit ${EXIT_CODES[error.category]}]`,
  );
  if (error.hint !== undefined) io.note(`  ${printable(error.hint)}`);
}

/** Everything that was thrown, as a typed error. What is not one of ours is a bug, or the operating system. */
function typed(error: unknown, io: Io): GaitError {
  if (error instanceof GaitError) return error;
  if (error instanceof Error && 'syscall' in error)
    return ioFailure(error, 'in a call to the operating system');
  if (io.env['GAIT_DEBUG'] !== undefined && error instanceof Error) {
    for (const line of (error.stack ?? error.message).split('\n')) io.note(line);
  }
  return new GaitError({
    code: 'unexpected',
    category: 'internal_failure',
    message: `unexpected failure: ${error instanceof Error ? error.message : String(error)}`,
    hint: 'This is a bug of gait. Run again with GAIT_DEBUG=1 to see where it arose.',
    cause: error,
  });
}

/** A path that can be pasted into a shell, behind a command: one that starts with a dash would be taken for a flag. */
export function shellWord(path: string): string {
  return shellQuoted(path.startsWith('-') ? `./${path}` : path);
}

/** A word as a shell would take it. */
export function shellQuoted(text: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(text) ? text : `'${printable(text).replaceAll("'", "'\\''")}'`;
}
