import { invalidInput } from '../../core/errors.ts';
import type { Approvers } from '../../job/approval_policy.ts';
import { readPublicKey } from '../../signing/key_files.ts';
import type { FlagSpec } from '../command.ts';

/** Whose signatures the decisions of a job need. */
export const approverFlags: {
  readonly 'approver-key': FlagSpec & { readonly type: 'strings' };
  readonly 'approvals-required': FlagSpec & { readonly type: 'count' };
} = {
  'approver-key': {
    type: 'strings',
    value: 'FILE',
    summary: 'Public key of a person who may approve; approvals must then be signed. Repeatable.',
  },
  'approvals-required': {
    type: 'count',
    value: 'N',
    summary: 'Number of different approvers who must sign each decision. By default 1.',
  },
};

export interface ApproverValues {
  readonly 'approver-key': readonly string[];
  readonly 'approvals-required': number | undefined;
}

/** The approvers that the flags name; undefined for none. Whether they will do is for the job to say. */
export function approversOf(flags: ApproverValues): Approvers | undefined {
  const { 'approver-key': files, 'approvals-required': required } = flags;
  if (files.length === 0) {
    if (required === undefined) return undefined;
    const hint = 'Name the approvers with --approver-key FILE, a public key such as `gait keys init` makes.';
    throw invalidInput('flag_missing', '--approvals-required needs --approver-key', hint);
  }
  const keys = files.map(readPublicKey);
  return required === undefined ? { keys } : { keys, required };
}
