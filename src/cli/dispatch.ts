import { type GaitError, invalidInput } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import type { CommandSpec } from './command.ts';
import type { Io } from './io.ts';
import { answer, runCommand } from './run.ts';
import { nearest } from './suggest.ts';

/** Every command by its words, each loaded only when it runs. */
export type CommandTree = Readonly<Record<string, () => Promise<{ readonly default: CommandSpec }>>>;

/** Shows the help of a topic or command; an empty list is the root. */
export type ShowHelp = (words: readonly string[], io: Io) => Promise<void>;

/** Commands of oclif's own plugins: what lists the commands, and what lets a shell complete them. */
const PLUGIN_COMMANDS: ReadonlySet<string> = new Set(['commands', 'autocomplete']);

/** Runs a command of a plugin, with the words as they stand; answers the exit code. */
export type RunPlugin = (argv: readonly string[], io: Io) => Promise<number>;

const HELP_FLAGS = new Set(['--help', '-h']);

/**
 * Finds the command that an argument list names and runs it; answers the exit code. Help is left to oclif, which is
 * only then loaded: a command starts in little more than the time of Node itself.
 */
export async function dispatch(
  argv: readonly string[],
  tree: CommandTree,
  { showHelp, runPlugin }: { readonly showHelp: ShowHelp; readonly runPlugin: RunPlugin },
  io: Io,
): Promise<number> {
  const undecoded = argv.find((word) => word.includes('\ufffd'));
  if (undecoded !== undefined) return refuse(io, notText(undecoded));
  const words = leadingWords(argv);
  const [first] = argv;
  if (words.length === 0 && (first === '--version' || first === '-v')) return version(io);
  if (words[0] === 'version' && words.length === 1) return version(io);
  if (PLUGIN_COMMANDS.has(words[0] ?? '')) return runPlugin(argv, io);
  const asksHelp = words[0] === 'help' || beforeSeparator(argv).some((word) => HELP_FLAGS.has(word));
  const path = words[0] === 'help' ? words.slice(1) : words;
  const name = longestCommand(path, tree);
  if (name !== undefined && !asksHelp) {
    const load = tree[name];
    if (load !== undefined) return runCommand((await load()).default, argv.slice(name.split(' ').length), io);
  }
  const topic = name ?? path.join(' ');
  if (!isTopic(topic, tree)) return refuse(io, unknownCommand(argv, path, tree));
  const [flag] = argv.slice(words.length);
  if (flag !== undefined && !asksHelp) return refuse(io, strayFlag(flag, topic));
  await showHelp(topic === '' ? [] : topic.split(' '), io);
  return 0;
}

/** Node puts U+FFFD where an argument is no UTF-8: what was given is not known any more, and another file may be called so. */
function notText(word: string): GaitError {
  return invalidInput(
    'argument_not_text',
    `the argument ${JSON.stringify(word)} is not UTF-8, or has the character U+FFFD in it`,
    'Rename the file or folder. A command can name it itself: put it into a script, and submit that.',
  );
}

/** True for the root, a command, and the words that commands begin with. */
function isTopic(words: string, tree: CommandTree): boolean {
  return words === '' || Object.keys(tree).some((name) => name === words || name.startsWith(`${words} `));
}

function leadingWords(argv: readonly string[]): string[] {
  const end = argv.findIndex((word) => word.startsWith('-'));
  return argv.slice(0, end === -1 ? argv.length : end);
}

function beforeSeparator(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end === -1 ? argv : argv.slice(0, end);
}

function longestCommand(words: readonly string[], tree: CommandTree): string | undefined {
  for (let length = words.length; length > 0; length -= 1) {
    const name = words.slice(0, length).join(' ');
    if (Object.hasOwn(tree, name)) return name;
  }
  return undefined;
}

const OUTPUT = { schemaId: 'gait.output', operation: 'gait' };

function version(io: Io): number {
  const reply = { fields: { version: VERSION }, lines: [`gait ${VERSION}`] };
  return answer({ ...OUTPUT, operation: 'version' }, {}, reply, io);
}

function refuse(io: Io, failure: GaitError): number {
  return answer(OUTPUT, {}, { fields: {}, lines: [], failure }, io);
}

function unknownCommand(argv: readonly string[], words: readonly string[], tree: CommandTree): GaitError {
  const typed = words.length === 0 ? (argv[0] ?? '') : words.join(' ');
  const near = nearestCommand(words, Object.keys(tree));
  const topic = words.slice(0, -1).findLast((_, i) => isTopic(words.slice(0, i + 1).join(' '), tree));
  const help = topic === undefined ? 'gait --help' : `gait ${topic} --help`;
  const hint =
    near === undefined ? `\`${help}\` shows the commands there are.` : `Did you mean: gait ${near}?`;
  return invalidInput('command_unknown', `unknown command: ${typed}`, hint);
}

/** What was meant may be followed by arguments: each leading run of the words is tried, the longest first. */
function nearestCommand(words: readonly string[], commands: readonly string[]): string | undefined {
  const topics = commands.flatMap((name) =>
    name.split(' ').map((_, i, parts) => parts.slice(0, i + 1).join(' ')),
  );
  const names = [...new Set(topics)];
  for (let length = Math.min(words.length, MAX_COMMAND_WORDS); length > 0; length -= 1) {
    const typed = words.slice(0, length).join(' ');
    const near = nearest(
      typed,
      names.filter((name) => name.split(' ').length === length),
    );
    if (near !== undefined && near !== typed) return near;
  }
  return undefined;
}

const MAX_COMMAND_WORDS = 3;

function strayFlag(flag: string, topic: string): GaitError {
  const where = topic === '' ? 'gait' : `gait ${topic}`;
  const hint = `${where} is followed by a command; \`${where} --help\` shows them.`;
  return invalidInput('flag_unknown', `unknown flag: ${flag}`, hint);
}
