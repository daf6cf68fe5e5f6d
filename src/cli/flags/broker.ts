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
    summary: 'Who issues credentials: nobody, a stub for trials, the environment, or a command.',
  },
  'credential-env-prefix': {
    type: 'string',
    value: 'PREFIX',
    default: 'GAIT_BROKER_TOKEN_',
    summary: 'What the names of the variables begin with that the broker env looks at.',
  },
  'credential-ref': {
    type: 'string',
    value: 'NAME',
    summary: 'Which credential to ask for, in place of the one that the rule names.',
  },
  'credential-scopes': {
    type: 'string',
    value: 'LIST',
    summary: 'Scopes to ask for beside those of the rule, apart by commas.',
  },
  'credential-command': {
    type: 'string',
    value: 'COMMAND',
    summary: 'The program of the broker command: it reads a request and answers with JSON. Run by no shell.',
  },
  'credential-command-args': {
    type: 'string',
    value: 'LIST',
    summary: 'Its arguments, apart by commas.',
  },
  'credential-timeout': {
    type: 'string',
    value: 'TIME',
    default: '5s',
    summary: 'How long it may take before it is killed, with all that it started: up to 10m.',
  },
  'credential-pass-env': {
    type: 'strings',
    value: 'NAME',
    summary: 'A variable to pass on to it, beside PATH, HOME, LANG, TZ and TMPDIR. Repeatable.',
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
