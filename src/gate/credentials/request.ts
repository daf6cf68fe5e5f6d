import { loweredList, trimmed } from '../../core/text.ts';
import type { Intent } from '../intent/intent.ts';
import type { Obligations } from '../rules/duties.ts';

/** What a broker is asked for. What is not known is empty text. */
export interface CredentialRequest {
  readonly toolName: string;
  readonly identity: string;
  readonly workspace: string;
  readonly sessionId: string;
  readonly requestId: string;
  readonly reference: string;
  readonly scope: readonly string[];
}

/** What the one who runs the gate asks for, beside the rules. */
export interface WantedCredential {
  /** In place of the references of the rules. */
  readonly reference?: string | undefined;
  /** Beside the scopes of the rules. */
  readonly scopes: readonly string[];
}

/** The request for a credential that the rules which a call met ask for. */
export function credentialRequest(
  { tool_name, context }: Intent,
  broker: NonNullable<Obligations['broker']>,
  asked: WantedCredential,
): CredentialRequest {
  const { identity, workspace, session_id = '', request_id = '' } = context;
  return {
    toolName: tool_name,
    identity,
    workspace,
    sessionId: session_id,
    requestId: request_id,
    reference: trimmed(asked.reference ?? '') || broker.references.join(','),
    scope: loweredList([...broker.scopes, ...asked.scopes]),
  };
}

/**
 * A request as a command reads it: the bytes that version 1.2.0 writes, members in that order and under those names,
 * with no newline.
 */
export function requestBytes(request: CredentialRequest): Buffer {
  const members = {
    ToolName: request.toolName,
    Identity: request.identity,
    Workspace: request.workspace,
    SessionID: request.sessionId,
    RequestID: request.requestId,
    Reference: request.reference,
    Scope: request.scope,
  };
  return Buffer.from(JSON.stringify(members).replace(ESCAPED, escapeOf));
}

/** What Go's encoding/json escapes in texts beyond what JSON.stringify does. */
const ESCAPED = /[<>&\u2028\u2029]/g;

function escapeOf(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
