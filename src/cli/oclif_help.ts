import { type Command, CommandHelp, Help, type Interfaces } from '@oclif/core';
import type { ArgSpec } from './command.ts';
import type { Io } from './io.ts';

type Example = Command.Example;

/**
 * Help as oclif writes it, except that the command lines of examples are never broken: they are there to be pasted; and that
 * it tells what stands behind `--`.
 */
class GaitCommandHelp extends CommandHelp {
  protected override usage(): string {
    const { words } = this;
    return words === undefined ? super.usage() : `${super.usage()}\n  [-- ${words.name}...]`;
  }

  protected override args(args: Command.Arg.Any[]): [string, string | undefined][] | undefined {
    const { words } = this;
    const known = super.args(args);
    return words === undefined ? known : [...(known ?? []), [`-- ${words.name}...`, words.summary]];
  }

  private get words(): ArgSpec | undefined {
    return (this.command as { readonly words?: ArgSpec }).words;
  }

  protected override examples(examples: Example[] | string | undefined): string | undefined {
    if (examples === undefined || examples.length === 0 || typeof examples === 'string')
      return super.examples(examples);
    const paragraphs = examples.map((example) => {
      if (typeof example === 'string') return this.render(example);
      return `${this.wrap(example.description)}\n\n${this.indent(`$ ${this.render(example.command)}`)}`;
    });
    return paragraphs.join('\n\n');
  }
}

export class GaitHelp extends Help {
  protected override CommandHelpClass: typeof CommandHelp = GaitCommandHelp;

  readonly #io: Pick<Io, 'printHelp'>;

  /** Off a terminal there is no colour, and lines are as long whoever asks. */
  constructor(config: Interfaces.Config, io: Pick<Io, 'printHelp' | 'terminal'>) {
    const plain = io.terminal ? {} : { stripAnsi: true, maxWidth: 80 };
    super(config, { hideCommandSummaryInDescription: true, ...plain });
    this.#io = io;
  }

  protected override log(...texts: string[]): void {
    this.#io.printHelp(texts.join(' '));
  }
}
