import { invalidInput } from '../../core/errors.ts';
import type { KnownHead } from '../../log/known_heads.ts';
import type { Head } from '../../log/record.ts';
import type { OptionalText } from '../command.ts';

/** What a reader remembers of a log. `what` it is, and what its revisions and hashes are. */
export function expectHeadFlag(what: string): { readonly 'expect-head': OptionalText } {
  const summary = `Fail unless it contains ${what}, as noted earlier; what was added later is fine.`;
  return { 'expect-head': { type: 'string', value: 'REVISION:HASH', summary } };
}

/** The head that the flag names. Throws `flag_value_invalid`. */
export function expectedHeads({
  'expect-head': text,
}: {
  readonly 'expect-head': string | undefined;
}): readonly KnownHead[] {
  if (text === undefined) return [];
  const [, revision = '', hash = ''] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/i.exec(text.trim()) ?? [];
  if (hash !== '') return [{ revision: Number(revision), hash: hash.toLowerCase(), by: 'what you remember' }];
  const hint =
    'Give a revision and a hash of 64 hexadecimal digits, as the commands that show a head print them.';
  throw invalidInput('flag_value_invalid', `--expect-head is ${JSON.stringify(text.slice(0, 90))}`, hint);
}

/** A head as `--expect-head` takes it. */
export function headText({ revision, hash }: Head): string {
  return `${revision}:${hash}`;
}
