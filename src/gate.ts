/** `gait/gate`: decides before a tool call runs whether it may, and keeps signed proof of why. */

export type { Credential, Issued } from './gate/credentials/credential.ts';
export type { CredentialRequest } from './gate/credentials/request.ts';
export type { CredentialBroker } from './gate/enforce.ts';
export type { Decision as GateDecision } from './gate/evaluate.ts';
export { type AskOptions, type GateAnswer, type GateOptions, OpenGate, openGate } from './gate/open.ts';
export { policyDigest } from './gate/policy/digest.ts';
export type { Policy } from './gate/policy/policy.ts';
export { parsePolicy } from './gate/policy/yaml.ts';
export { type TraceVerification, verifyTrace } from './gate/records/verify_trace.ts';
