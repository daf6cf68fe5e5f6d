import { invalidInput } from '../../core/errors.ts';
import { VARIABLE_NAME } from '../../host/process/env.ts';
import type { FlagSpec, FlagValues, OptionalText } from '../command.ts';
import { milliseconds } from '../duration.ts';

export const BROKERS = ['off', 'stub', 'env', 'command'] as const;

type DefaultText = FlagSpec & { readonly type: 'string'; readonly default: string };

/** Flags of every command that may issue a credential. */
export const brokerFlags: {
  readonly 'credential-broker': DefaultText;
  readonly 'credential-env-prefix': DefaultText;
  readonly 'credential-ref': OptionalText;
  readonly 'credential-scopes': OptionalText;
  readonly 'credential-command': OptionalText;
  readonly 'credential-command-args': OptionalText;
  readonly 'credential-timeout': DefaultText;
  readonly 'credential-pass-env': FlagSpec & { readonly type: 'strings' };
} = {
  'credential-broker': {
    type: 'string',
    value: 'BROKER',
    default: 'off',
    options: BROKERS,
    summary:
      'Broker that issues credentials: off, stub (for trials), env (environment variables), or command.',
  },
  'credential-env-prefix': {
    type: 'string',
    value: 'PREFIX',
    default: 'GAIT_BROKER_TOKEN_',
    summary: 'Prefix of the environment variables that the env broker reads.',
  },
  'credential-ref': {
    type: 'string',
    value: 'NAME',
    summary: 'Credential to request, instead of the one that the rule names.',
  },
  'credential-scopes': {
    type: 'string',
    value: 'LIST',
    summary: 'Scopes to request in addition to those of the rule, comma-separated.',
  },
  'credential-command': {
    type: 'string',
    value: 'COMMAND',
    summary: 'Program of the command broker: reads a request and answers with JSON. Not run by a shell.',
  },
  'credential-command-args': {
    type: 'string',
    value: 'LIST',
    summary: 'Arguments of the command broker, comma-separated.',
  },
  'credential-timeout': {
    type: 'string',
    value: 'TIME',
    default: '5s',
    summary: 'Time limit of the command broker, after which it and all its children are killed: up to 10m.',
  },
  'credential-pass-env': {
    type: 'strings',
    value: 'NAME',
    summary:
      'Pass this environment variable to the command, in addition to PATH, HOME, LANG, TZ and TMPDIR. ' +
      'Repeatable.',
  },
};

export type BrokerValues = FlagValues<typeof brokerFlags>;

/** Without a prefix the name of a tool would choose among all variables. */
export function envPrefixOf({ 'credential-env-prefix': prefix }: BrokerValues): string {
  if (VARIABLE_NAME.test(prefix)) return prefix;
  const message = '--credential-env-prefix is no beginning of a name of a variable';
  throw invalidInput('flag_value_invalid', message, 'Letters, digits and _, no digit first.');
}

const MAX_TIMEOUT_MS = 600_000;

export function timeoutOf({ 'credential-timeout': text }: BrokerValues): number {
  const ms = milliseconds(text, 'credential-timeout');
  if (ms <= MAX_TIMEOUT_MS) return ms;
  throw invalidInput('flag_value_invalid', `--credential-timeout is more than 10m: ${text}`);
}
