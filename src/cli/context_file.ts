import type { Json } from '../core/json.ts';
import type { OptionalText } from './command.ts';
import { readJsonFile } from './input.ts';

/** A context envelope larger than this is refused. Bytes. */
const MAX_ENVELOPE_BYTES = 1024 * 1024;

export const contextFlags: { readonly 'context-envelope': OptionalText } = {
  'context-envelope': {
    type: 'string',
    value: 'FILE',
    summary: 'What the agent was given to read: a context envelope. Without it no context is proven.',
  },
};

/** A context envelope as it stands in a file. Throws invalid_input for what is no JSON. */
export function readContextEnvelope(path: string): Json {
  return readJsonFile(path, MAX_ENVELOPE_BYTES);
}
