import type { CheckStatus } from '../../core/report.ts';
import type { ApprovalSignatures } from '../../pack/kinds/job/approval_signatures.ts';
import type { PackVerification } from '../../pack/verified.ts';
import type { Io } from '../io.ts';
import type { Color } from '../terminal.ts';
import { printable } from '../terminal.ts';

const COLORS: Record<CheckStatus, Color> = {
  passed: 'green',
  failed: 'red',
  not_reached: 'yellow',
  not_applicable: 'dim',
};

/** A verification for people: what it is of, each check, each finding. */
export function describeVerification(path: string, verification: PackVerification, io: Io): string[] {
  const { approval_signatures, checks, findings, findings_omitted = 0, unchecked_files = [] } = verification;
  const { signature_errors, signature_status, signatures_valid } = verification;
  return [
    `${printable(path)}: ${whatItIs(verification)}`,
    ...checks.map(({ layer, check, status }) => {
      const mark = io.paint(COLORS[status], status.replace('_', ' ').padEnd(14));
      return `  ${mark}  ${layer}: ${check.replaceAll('_', ' ')}`;
    }),
    ...(signature_status === 'skipped' ? ['  signed, but no public key was given to check it with'] : []),
    ...(signature_status === 'verified'
      ? [
          `  signed by ${signatures_valid === 1 ? 'a key' : `${signatures_valid} keys`} that you trust`,
          ...signature_errors.map((fault) => `  another signature does not count: ${printable(fault)}`),
        ]
      : []),
    ...(approval_signatures === undefined ? [] : [approvalsLine(approval_signatures)]),
    ...unchecked_files.map((name) => `  only the digest was looked at of ${printable(name)}`),
    ...findings.map(({ code, message }) => `  ${io.paint('red', code)}  ${printable(message)}`),
    ...(findings_omitted === 0 ? [] : [`  and ${findings_omitted} more`]),
  ];
}

function approvalsLine({ total, valid, trusted }: ApprovalSignatures): string {
  const held = `${valid} of ${total} approvals are signed by approvers that the job names`;
  return `  ${held}, ${trusted} of them with a key that you trust`;
}

function whatItIs({ pack_id, pack_type, source_ref, legacy_type }: PackVerification): string {
  if (pack_id === '') return 'not a pack that can be read';
  const of = printable(source_ref);
  if (legacy_type === 'runpack') return `runpack of ${of}, ${printable(pack_id)}`;
  if (legacy_type === 'guard') return `evidence pack of ${of}, ${printable(pack_id)}`;
  return `${pack_type} pack of ${of}, ${pack_id}`;
}
