import type { JsonObject } from '../../core/json.ts';
import type { CheckedTrace } from '../../host/trace_files.ts';
import type { Io } from '../io.ts';
import { printable } from '../terminal.ts';

/** What is said of a trace to scripts; members that it lacks are left out. */
export function traceFields({ verification, findings }: CheckedTrace): JsonObject {
  const { findings: own, ...said } = verification;
  const filled = Object.entries(said).filter(([, value]) => value !== '');
  return {
    ...(Object.fromEntries(filled) as JsonObject),
    signature_status: own.length === 0 ? 'verified' : 'failed',
    ...(findings.length === 0 ? {} : { findings: findings.map((one) => ({ ...one })) }),
  };
}

/** The same for people. */
export function traceLines({ verification, findings }: CheckedTrace, io: Io): string[] {
  const { verdict, simulated, key_id, signature_scope, policy_digest, intent_digest } = verification;
  if (findings.length > 0) {
    return findings.map(({ code, message }) => `  ${io.paint('red', code)}  ${printable(message)}`);
  }
  const scope = signature_scope === 'full' ? 'all of it' : 'what every version knows';
  return [
    `${io.paint('green', 'verified')}  ${printable(verdict)}${simulated ? ' (simulated)' : ''}`,
    `  signed by   ${key_id} (${scope})`,
    `  policy      ${printable(policy_digest)}`,
    `  call        ${printable(intent_digest)}`,
  ];
}
