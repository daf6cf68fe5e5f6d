import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sha256Hex } from '../core/digest.ts';
import { GaitError, invalidInput } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import { byBytes } from '../core/text.ts';
import type { Timestamp } from '../core/time.ts';
import { readFileBytes } from '../files/file_source.ts';
import { placeIn } from '../gate/ledger/verify.ts';
import {
  namedRecords,
  type TraceExpectations,
  type TraceFinding,
  type TraceVerification,
  verifyTrace,
} from '../gate/records/verify_trace.ts';
import type { KnownHead } from '../log/known_heads.ts';
import type { Head } from '../log/record.ts';
import type { Keyring } from '../signing/keyring.ts';
import { readJsonFile, verifiedFile } from './read_json.ts';

/** Larger ones are no traces. Bytes. */
const MAX_TRACE_BYTES = 4 * 1024 * 1024;

/** A file beside the trace, as the gate names its records. */
const RECORD_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/;

/** A trace that was read and checked, with the records that lie beside it. */
export interface CheckedTrace {
  readonly document: JsonObject;
  readonly verification: TraceVerification;
  /** Everything that is wrong: with the trace, and with its records. */
  readonly findings: readonly TraceFinding[];
}

/** Reads a trace and checks it. Throws `trace_invalid` for what is no JSON object. */
export function checkTraceFile(
  path: string,
  keyring: Keyring,
  now: Timestamp,
  expected: TraceExpectations = {},
): CheckedTrace {
  const { document, verification } = verifiedFile('trace_invalid', () => {
    const value = readJsonFile(path, MAX_TRACE_BYTES);
    if (isJsonObject(value))
      return { document: value, verification: verifyTrace(value, keyring, now, expected) };
    throw invalidInput('trace_malformed', `${path} is no trace: no JSON object`);
  });
  return {
    document,
    verification,
    findings: [...verification.findings, ...recordFindings(document, path)],
  };
}

/** The entries of the decision log that traces name which lie beside it. One that cannot be read names none. */
export function tracedHeads(dir: string): KnownHead[] {
  return tracesBeside(dir).flatMap((name) => {
    const place = placeOf(join(dir, name));
    return place === undefined ? [] : [{ ...place, by: `the trace ${name}` }];
  });
}

/** What is wrong with the traces that lie beside a decision log, by the keys that the reader believes. */
export function faultsOfTraces(dir: string, keyring: Keyring, now: Timestamp): TraceFinding[] {
  return tracesBeside(dir).flatMap((name) => {
    const told = ({ code, message }: TraceFinding): TraceFinding => ({
      code,
      message: `the trace ${name}: ${message}`,
    });
    try {
      return checkTraceFile(join(dir, name), keyring, now).findings.map(told);
    } catch (error) {
      if (!(error instanceof GaitError) || error.category !== 'verification_failed') throw error;
      return [told(error)];
    }
  });
}

function tracesBeside(dir: string): string[] {
  const records = join(dir, 'records');
  const names = existsSync(records) ? readdirSync(records) : [];
  const traces = names.filter((name) => /^trace_.*\.json$/.test(name));
  return traces.sort(byBytes).map((name) => `records/${name}`);
}

function placeOf(path: string): Head | undefined {
  try {
    const document = readJsonFile(path, MAX_TRACE_BYTES);
    return isJsonObject(document) ? placeIn(document) : undefined;
  } catch (error) {
    if (error instanceof GaitError) return undefined;
    throw error;
  }
}

/** The records that the trace names, where they lie beside it, must be what was signed. */
function recordFindings(document: JsonObject, path: string): TraceFinding[] {
  return namedRecords(document).flatMap(({ path: name, sha256 }) => {
    if (!RECORD_NAME.test(name)) {
      return [{ code: 'record_elsewhere', message: `it names a record elsewhere: ${name}` }];
    }
    const found = digestBeside(join(dirname(path), name));
    if (found === 'gone' || found === sha256) return [];
    return [{ code: 'record_changed', message: `${name} is not the record that was signed` }];
  });
}

/** Undefined for what cannot have been signed: a folder, or more than a record ever has. */
function digestBeside(path: string): string | 'gone' | undefined {
  try {
    return sha256Hex(readFileBytes(path, MAX_TRACE_BYTES));
  } catch (error) {
    if (!(error instanceof GaitError) || error.category !== 'invalid_input') throw error;
    return error.code === 'file_not_found' ? 'gone' : undefined;
  }
}

/** The answer that a trace does not verify. */
export function traceError(path: string, findings: readonly TraceFinding[]): GaitError {
  const [first, ...more] = findings.map(({ message }) => message);
  return new GaitError({
    code: 'trace_invalid',
    category: 'verification_failed',
    message: `${path}: ${first ?? 'unknown finding'}${more.length === 0 ? '' : ` (and ${more.length} more)`}`,
    hint: 'Ask for the trace again from where it was made, and for the public key of the gate.',
  });
}
