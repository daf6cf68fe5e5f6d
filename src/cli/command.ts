import type { GaitError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Io } from './io.ts';

/** A flag of a command. What it is called is its key in the command's table. */
export type FlagSpec =
  | (FlagFacts & { readonly type: 'boolean' })
  | (FlagFacts & {
      readonly type: 'string';
      /** What stands for the value in help, such as `ID`. */
      readonly value: string;
      readonly required?: boolean;
      readonly default?: string;
      /** The only values that are allowed. */
      readonly options?: readonly string[];
    })
  | (FlagFacts & { readonly type: 'strings'; readonly value: string; readonly options?: readonly string[] })
  | (FlagFacts & { readonly type: 'count'; readonly value: string });

export interface FlagFacts {
  readonly summary: string;
  /** The environment variable that is used when the flag is not given. For help; the command reads it. */
  readonly env?: string;
}

/** A text flag that may be left out, by name for tables that are shared. */
export interface OptionalText extends FlagFacts {
  readonly type: 'string';
  readonly value: string;
}

export interface RequiredText extends OptionalText {
  readonly required: true;
}

export type FlagTable = Readonly<Record<string, FlagSpec>>;

/** What a command finds in place of its flags. */
export type FlagValues<F extends FlagTable> = { readonly [K in keyof F]: FlagValue<F[K]> };

type FlagValue<S extends FlagSpec> = S extends { type: 'boolean' }
  ? boolean
  : S extends { type: 'strings' }
    ? readonly string[]
    : S extends { type: 'count' }
      ? number | undefined
      : S extends { required: true } | { default: string }
        ? string
        : string | undefined;

/** A word of the command line that is no flag. */
export interface ArgSpec {
  readonly name: string;
  readonly summary: string;
  readonly required: boolean;
}

/** What a command answers: facts for scripts, text for people. */
export interface Reply {
  /** Members of the JSON output, beside those that every output has. */
  readonly fields: JsonObject;
  /** For a terminal; each line ends without a newline. */
  readonly lines: readonly string[];
  /** The command did its work and the answer is no: it exits with this error's code. */
  readonly failure?: GaitError;
  /** The command wrote its own output as it went along. */
  readonly streamed?: boolean;
}

export interface CommandInput<F extends FlagTable> {
  readonly flags: FlagValues<F>;
  /** The names of the flags that stand on the command line. */
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  /** What stood behind `--`. */
  readonly words: readonly string[];
}

/** A command: what help says of it, what it takes, and what it does. It knows nothing of oclif. */
export interface CommandSpec<F extends FlagTable = FlagTable> {
  /** What its JSON output is called: its `schema_id` and `operation`. */
  readonly output: { readonly schemaId: string; readonly operation: string };
  readonly summary: string;
  readonly description?: string;
  /** Command lines without the leading `gait`, each with what it is for. */
  readonly examples: readonly { readonly says: string; readonly line: string }[];
  readonly args?: readonly ArgSpec[];
  /** What stands behind `--`: the words of a command to run. Without it, nothing may stand there. */
  readonly words?: ArgSpec;
  readonly flags: F;
  run(input: CommandInput<F>, io: Io): Promise<Reply>;
}

/** Declares a command, with the types of its flags inferred. */
export function command<const F extends FlagTable>(spec: CommandSpec<F>): CommandSpec<F> {
  return spec;
}
