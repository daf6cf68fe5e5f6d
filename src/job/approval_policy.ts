import { type GaitError, invalidInput } from '../core/errors.ts';
import { keyIdOf, type PublicKey } from '../signing/keys.ts';
import { isSoundKey } from '../signing/trust.ts';

/** Whose signatures a job asks for on its decisions, and how many: fixed when it is submitted. */
export interface ApprovalPolicy {
  /** How many different keys have to sign each decision. */
  readonly required: number;
  /** Sorted by id, none twice. */
  readonly keys: readonly ApproverKey[];
}

export interface ApproverKey {
  /** SHA-256 of the 32 raw public bytes, in hexadecimal. */
  readonly key_id: string;
  /** Base64 of the 32 raw public bytes. */
  readonly public_key: string;
}

/** The approvers that a job is submitted with. */
export interface Approvers {
  /** 1 to 32; one that is given twice counts once. */
  readonly keys: readonly PublicKey[];
  /** By default 1. */
  readonly required?: number;
}

/** What keeps the state of a job bounded: each key approves a decision once. */
export const MAX_APPROVERS = 32;

/** The policy that approvers make, or why they make none. */
export function approvalPolicyOf({ keys, required = 1 }: Approvers): ApprovalPolicy | { fault: GaitError } {
  const unsound = keys.findIndex((key) => !isSoundKey(key));
  if (unsound !== -1) return { fault: keyUntrustworthy(unsound + 1) };
  const byId = new Map(keys.map((key) => [keyIdOf(key), Buffer.from(key).toString('base64')]));
  const sorted = [...byId].sort(([a], [b]) => (a < b ? -1 : 1));
  const policy = { required, keys: sorted.map(([key_id, public_key]) => ({ key_id, public_key })) };
  return isEnough(policy) ? policy : { fault: policyInvalid(policy) };
}

/** True for a policy that {@link approvalPolicyOf} could have made: what a log says is held to the same. */
export function isSoundPolicy(policy: ApprovalPolicy): boolean {
  return isEnough(policy) && policy.keys.every(isSoundEntry);
}

/** The key of the policy that has this id. */
export function approverKey({ keys }: ApprovalPolicy, keyId: string): PublicKey | undefined {
  const entry = keys.find(({ key_id }) => key_id === keyId);
  return entry === undefined ? undefined : Buffer.from(entry.public_key, 'base64');
}

function isEnough({ required, keys }: ApprovalPolicy): boolean {
  const counts = keys.length >= 1 && keys.length <= MAX_APPROVERS;
  return counts && Number.isSafeInteger(required) && required >= 1 && required <= keys.length;
}

function isSoundEntry(
  { key_id, public_key }: ApproverKey,
  index: number,
  all: readonly ApproverKey[],
): boolean {
  const bytes = Buffer.from(public_key, 'base64');
  const before = all[index - 1];
  const inOrder = before === undefined || before.key_id < key_id;
  return inOrder && bytes.toString('base64') === public_key && keyIdOf(bytes) === key_id && isSoundKey(bytes);
}

function keyUntrustworthy(place: number): GaitError {
  const message = `the public key of approver ${place} is not a valid Ed25519 key`;
  return invalidInput('key_untrustworthy', message, 'Such a key verifies signatures that nobody made.');
}

function policyInvalid({ required, keys }: ApprovalPolicy): GaitError {
  const message = `${required} signed approvals by ${keys.length} different keys`;
  const hint = `Name 1 to ${MAX_APPROVERS} different keys, and require at least one approval and no more than there are keys.`;
  return invalidInput('approvers_invalid', message, hint, { required, keys: keys.length });
}
