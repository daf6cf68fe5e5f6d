import type { EndpointClass } from './endpoint.ts';

/** What a word in the name of a tool, or an operation, says that is done. */
export type Act = 'executes' | 'deletes' | 'writes' | 'sends' | 'reads' | 'searches';

/** What is written to one file, or makes one folder. */
const WRITES_ONE = 'write append put create update save edit insert patch mkdir touch set'.split(' ');

const WORDS: Readonly<Record<Act, readonly string[]>> = {
  executes: [
    ...[
      'exec',
      'execute',
      'spawn',
      'shell',
      'command',
      'cmd',
      'terminal',
      'subprocess',
      'eval',
      'script',
      'sudo',
      'ssh',
    ],
    ...[
      'bash',
      'sh',
      'zsh',
      'fish',
      'ksh',
      'powershell',
      'pwsh',
      'python',
      'python3',
      'node',
      'perl',
      'ruby',
    ],
  ],
  deletes: [
    ...[
      'delete',
      'remove',
      'unlink',
      'rm',
      'rmdir',
      'del',
      'drop',
      'destroy',
      'purge',
      'wipe',
      'truncate',
      'erase',
    ],
    ...['shred', 'kill', 'terminate', 'undeploy', 'uninstall'],
  ],
  writes: [
    ...WRITES_ONE,
    ...[
      ...[
        'copy',
        'move',
        'rename',
        'cp',
        'mv',
        'ln',
        'chgrp',
        'setfacl',
        'clone',
        'rsync',
        'scp',
        'dump',
        'pack',
      ],
      'chmod',
      'chown',
      'link',
      'symlink',
      'extract',
      'deploy',
      'commit',
      'merge',
    ],
  ],
  sends: ['send', 'post', 'upload', 'push', 'publish', 'email', 'mail', 'webhook', 'notify', 'share'],
  reads: [
    'read',
    'get',
    'list',
    'ls',
    'open',
    'cat',
    'head',
    'tail',
    'download',
    'stat',
    'view',
    'show',
    'fetch',
  ],
  searches: [
    'grep',
    'rg',
    'search',
    'find',
    'glob',
    'tree',
    'walk',
    'archive',
    'tar',
    'zip',
    'backup',
    'sync',
    'index',
  ],
};

const ACT_OF: ReadonlyMap<string, Act> = new Map(
  Object.entries(WORDS).flatMap(([act, words]) => words.map((word) => [word, act as Act])),
);

/** Names come in small letters: `deleteFile` is `deletefile`. These words count at the head of one too. */
const AT_HEAD =
  /^(?:delete|remove|unlink|exec|spawn|shell|destroy|purge|terminate|drop|kill|wipe|erase|truncate|uninstall|runcommand|runscript|copy|move|rename|clone)/;
/** And these at the end of one: `filedelete`. */
const AT_END =
  /(?:delete|remove|destroy|purge|wipe|unlink|erase|uninstall|terminate|exec|execute|command|shell)$/;

function wordsIn(name: string): string[] {
  return name.split(/[^a-z0-9]+/);
}

/** What the words of a name say: `fs.read_file` reads. Whole words, but for a few that begin one. */
export function actsOf(name: string): ReadonlySet<Act> {
  return new Set(wordsIn(name).flatMap((word) => ACT_OF.get(actWord(word)) ?? []));
}

/** The word of the table that a word is, begins with or ends with. */
function actWord(word: string): string {
  if (ACT_OF.has(word)) return word;
  return AT_HEAD.exec(word)?.[0].replace(/^run/, '') ?? AT_END.exec(word)?.[0] ?? '';
}

/** True if a tool may do one of these operations where a call does not say what it does: by its name, or since nobody knows. */
export function mayDo(operations: readonly string[], toolName: string): boolean {
  const acts = actsOf(toolName);
  const words = wordsIn(toolName);
  if (acts.size === 0) return true;
  return operations.some((one) => words.includes(one) || [...actsOf(one)].some((act) => acts.has(act)));
}

/** True for a name that says that it destroys, or runs what may. */
export function namesDestruction(name: string): boolean {
  const acts = actsOf(name);
  return acts.has('executes') || acts.has('deletes');
}

/** The class of what a name says that destroys. */
export function destruction(name: string): EndpointClass {
  return actsOf(name).has('executes') ? 'proc.exec' : 'fs.delete';
}

/** Operations on one file, or on a folder and not on what is in it. */
const SHALLOW: ReadonlySet<string> = new Set([...WORDS.reads, ...WRITES_ONE]);

/** True if what is done to a folder reaches what is in it: what moves, removes, searches, executes, and what nobody knows. */
export function reachesInto(operation: string, toolName: string): boolean {
  const acts = actsOf(toolName);
  if (acts.has('searches') || acts.has('deletes') || acts.has('executes')) return true;
  const words = wordsIn(toolName).map(actWord);
  // What the tool does by its name, it does whatever the call says.
  if (words.some((word) => ACT_OF.has(word) && !SHALLOW.has(word))) return true;
  if (operation !== '') return !SHALLOW.has(operation);
  return !words.some((word) => SHALLOW.has(word));
}
