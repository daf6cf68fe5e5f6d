import { parseArgs } from 'node:util';
import { type GaitError, invalidInput } from '../core/errors.ts';
import type { ArgSpec, CommandInput, CommandSpec, FlagSpec, FlagTable, FlagValues } from './command.ts';
import { nearest } from './suggest.ts';

type Value = string | boolean | number | string[] | undefined;

/** The flags and arguments of a command in an argument list. Throws an invalid_input error that names the nearest flag. */
export function parseCommandLine<F extends FlagTable>(
  spec: CommandSpec<F>,
  argv: readonly string[],
): CommandInput<F> {
  const table: FlagTable = { ...spec.flags, ...COMMON_FLAGS };
  const values: Record<string, Value> = {};
  for (const [name, flag] of Object.entries(spec.flags)) values[name] = initial(flag);
  const args: string[] = [];
  const words: string[] = [];
  let target = args;
  const given = new Set<string>();
  for (const token of tokensOf(table, argv)) {
    if (token.kind === 'option-terminator' && spec.words !== undefined) target = words;
    if (token.kind === 'positional') target.push(token.value);
    if (token.kind !== 'option') continue;
    assign(table, values, token);
    if (given.has(token.name) && table[token.name]?.type !== 'strings') throw repeated(token.name);
    given.add(token.name);
  }
  for (const [name, flag] of Object.entries(spec.flags)) {
    if (flag.type === 'string' && flag.required === true && values[name] === undefined)
      throw missing(name, flag.value);
  }
  checkArgs(spec, args);
  if (spec.words?.required === true && words.length === 0) throw wordsMissing(spec.words);
  return { flags: values as FlagValues<F>, given, args, words };
}

/** Flags that every command has. `--help` is answered before a command line is parsed. */
export const COMMON_FLAGS: FlagTable = {
  json: { type: 'boolean', summary: 'Answer with one line of canonical JSON.' },
  help: { type: 'boolean', summary: 'Show what the command does, its flags and an example.' },
};

function initial(flag: FlagSpec): Value {
  if (flag.type === 'boolean') return false;
  if (flag.type === 'strings') return [];
  return flag.type === 'string' ? flag.default : undefined;
}

function tokensOf(table: FlagTable, argv: readonly string[]) {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, { type }]) => {
      return [
        name,
        { type: type === 'boolean' ? ('boolean' as const) : ('string' as const), multiple: true },
      ];
    }),
  );
  return parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function assign(table: FlagTable, values: Record<string, Value>, token: OptionToken): void {
  const { name, rawName, value } = token;
  const flag = Object.hasOwn(table, name) && rawName === `--${name}` ? table[name] : undefined;
  if (flag === undefined) throw unknownFlag(rawName, Object.keys(table));
  if (flag.type === 'boolean') {
    if (value !== undefined && value !== 'true' && value !== 'false') {
      throw invalidInput(
        'flag_value_invalid',
        `${rawName} takes no value, or true or false, not ${quote(value)}`,
      );
    }
    values[name] = value !== 'false';
    return;
  }
  if (value === undefined || (token.inlineValue !== true && value.startsWith('--'))) {
    const hint = `Write ${rawName} ${flag.value}; a value that starts with -- is written ${rawName}=VALUE.`;
    throw invalidInput('flag_value_missing', `${rawName} needs a value`, hint);
  }
  values[name] = parsedValue(flag, rawName, value, values[name]);
}

function parsedValue(
  flag: Exclude<FlagSpec, { type: 'boolean' }>,
  rawName: string,
  value: string,
  before: Value,
): Value {
  if (flag.type === 'count') {
    if (/^[0-9]{1,15}$/.test(value)) return Number(value);
    throw invalidInput('flag_value_invalid', `${rawName} takes a whole number, not ${quote(value)}`);
  }
  if (flag.options !== undefined && !flag.options.includes(value)) {
    const near = nearest(value, flag.options);
    const hint = `${near === undefined ? '' : `Did you mean ${near}? `}Allowed: ${flag.options.join(', ')}.`;
    throw invalidInput('flag_value_invalid', `${rawName} cannot be ${quote(value)}`, hint);
  }
  return flag.type === 'strings' ? [...(Array.isArray(before) ? before : []), value] : value;
}

function checkArgs(spec: Pick<CommandSpec, 'args'>, args: readonly string[]): void {
  const declared = spec.args ?? [];
  const lacking = declared[args.length];
  if (lacking?.required === true)
    throw invalidInput('argument_missing', `missing ${lacking.name}: ${lacking.summary}`);
  const [extra] = args.slice(declared.length);
  if (extra !== undefined) {
    throw invalidInput(
      'argument_unexpected',
      `unexpected argument: ${quote(extra)}`,
      'Values are given by flags, see --help.',
    );
  }
}

function missing(name: string, value: string): GaitError {
  return invalidInput('flag_missing', `missing --${name} ${value}`, `Give --${name} ${value}; see --help.`);
}

function wordsMissing({ name, summary }: ArgSpec): GaitError {
  return invalidInput('argument_missing', `missing ${name}: ${summary}`, `Write it behind --: -- ${name} …`);
}

function repeated(name: string): GaitError {
  return invalidInput('flag_repeated', `--${name} is given more than once`, 'Give it once.');
}

function unknownFlag(rawName: string, known: readonly string[]): GaitError {
  const near = nearest(rawName.replace(/^-+/, ''), known);
  const hint = near === undefined ? 'See --help for the flags there are.' : `Did you mean --${near}?`;
  return invalidInput('flag_unknown', `unknown flag: ${rawName}`, hint);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 20)}…` : text);
}
