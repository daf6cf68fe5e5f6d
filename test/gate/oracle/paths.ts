/** One path, and the texts by which some real program comes to it. Written by hand: who reads them so stands beside. */
export interface PathPlace {
  readonly path: string;
  /** Patterns of a list that name it. */
  readonly patterns: readonly string[];
  readonly folder: string;
  /** What any reader takes there: a kernel, a URL library, a copying tool, a shell. */
  readonly spellings: Readonly<Record<string, readonly string[]>>;
}

const KEY: PathPlace = {
  path: '/home/u/.ssh/id',
  patterns: ['/home/u/.ssh/**', '**/.ssh/*', '/home/u/.ssh/id', '/home/*/.ssh/id'],
  folder: '/home/u/.ssh',
  spellings: {
    'as written': ['/home/u/.ssh/id'],
    'slashes (POSIX)': [
      ...[
        '//home/u/.ssh/id',
        '///home/u/.ssh/id',
        '/home//u///.ssh/id',
        '/home/u/.ssh/id/',
        '/home/u/.ssh/id//',
      ],
    ],
    'dots (POSIX)': [
      ...['/./home/u/./.ssh/id', '/home/u/x/../.ssh/id', '/../home/u/.ssh/id', '/home/u/.ssh/id/.'],
      ...[
        '/home/u/.ssh/d/../id',
        '/home/u/work/../.ssh/id',
        '/home/u/a/b/../../.ssh/./id',
        '/../../../home/u/.ssh/id',
      ],
    ],
    'from the workspace': ['../.ssh/id', './../.ssh/id', '../../u/.ssh/id', 'a/../../.ssh/id'],
    'file URLs (RFC 8089, WHATWG)': [
      ...[
        'file:/home/u/.ssh/id',
        'file:///home/u/.ssh/id',
        'file://localhost/home/u/.ssh/id',
        'FILE:///home/u/.ssh/id',
      ],
      ...[
        'file:////home/u/.ssh/id',
        'file:\\\\\\home\\u\\.ssh\\id',
        'file:///home/u/.ssh/%69d',
        'file:///home/u/%2Essh/id',
      ],
      ...[
        'file:///home/u/x/%2e%2e/.ssh/id',
        'file:///%68ome/u/.ssh/id',
        'file:///home/u/.ssh/id?x',
        'file:///home/u/.ssh/id#x',
      ],
      ...['file://127.0.0.1/home/u/.ssh/id', 'file:///home/u/.s%73h%2Fid', 'File:/home/u/./.ssh/id'],
    ],
    'schemes around one': [
      'view-source:file:///home/u/.ssh/id',
      'jar:file:/home/u/.ssh/id',
      'blob:file:///home/u/.ssh/id',
    ],
    'percent (servers)': [
      '/home/u/%2essh/id',
      '%2Fhome%2Fu%2F.ssh%2Fid',
      '/home/u/.ssh%2fid',
      '/home/u/.ss%68/id',
      '/%68%6f%6d%65/u/.ssh/id',
    ],
    'backslashes (Windows, browsers)': [
      '\\home\\u\\.ssh\\id',
      '/home\\u\\.ssh\\id',
      '\\\\home\\u\\.ssh\\id',
      '/home/u\\x\\..\\.ssh\\id',
    ],
    'backslashes (shells)': ['/home/u/.s\\sh/id', '\\/home/u/.ssh/id', '/home/u/\\.ssh/\\id'],
    drives: [
      'C:\\home\\u\\.ssh\\id',
      'c:/home/u/.ssh/id',
      '\\\\?\\C:\\home\\u\\.ssh\\id',
      '//?/C:/home/u/.ssh/id',
      '\\\\.\\C:\\home\\u\\.ssh\\id',
    ],
    'copying tools': ['u@host:/home/u/.ssh/id', 'localhost:/home/u/.ssh/id', 'u@127.0.0.1:/home/u/.ssh/id'],
    proc: [
      ...[
        '/proc/self/root/home/u/.ssh/id',
        '/proc/1/root/home/u/.ssh/id',
        '/proc/thread-self/root/home/u/.ssh/id',
      ],
      ...[
        '/proc/self/task/7/root/home/u/.ssh/id',
        '/proc/self/cwd/../.ssh/id',
        '/proc/77/cwd/../.ssh/id',
        '/proc/self/fd/3',
        '/dev/fd/3',
      ],
      ...[
        '//proc/self//root/./home/u/.ssh/id',
        '/proc/self/root/proc/self/root/home/u/.ssh/id',
        '/proc/../proc/self/root/home/u/.ssh/id',
      ],
      ...[
        '/proc/self/./root/home/u/.ssh/id',
        '/proc/self/map_files/../root/home/u/.ssh/id',
        'file:///proc/self/root/home/u/.ssh/id',
      ],
      ...[
        '/dev/stdin',
        '/dev/fd/../fd/3',
        '/proc/self/root/../home/u/.ssh/id',
        '/proc/*/root/home/u/.ssh/id',
        '/proc/[0-9]*/cwd/../.ssh/id',
        '/proc/$PPID/root/home/u/.ssh/id',
        '/proc/{self,x}/root/home/u/.ssh/id',
        '/pro?/self/root/home/u/.ssh/id',
        '/proc/self/fd',
        '/proc/self/task/*/root/home/u/.ssh/id',
      ],
    ],
    home: [
      ...[
        '~/.ssh/id',
        '~//.ssh/id',
        '~/./.ssh/id',
        '~u/.ssh/id',
        '~+/../.ssh/id',
        '$HOME/.ssh/id',
        '$' + '{HOME}/.ssh/id',
      ],
      ...[
        '%HOME%/.ssh/id',
        '%USERPROFILE%\\.ssh\\id',
        '$env:HOME/.ssh/id',
        '$env:USERPROFILE\\.ssh\\id',
        '~/x/../.ssh/id',
        '~\\.ssh\\id',
      ],
    ],
    'variables and commands (shells)': [
      ...[
        '$X/id',
        '$' + '{X}/id',
        '$' + '{HOME:-/x}/.ssh/id',
        '`echo /home/u`/.ssh/id',
        '$(echo /home/u)/.ssh/id',
        '/home/$USER/.ssh/id',
      ],
      ...[
        '/home/u/.ssh/$(echo id)',
        '/home/u/$' + '{D}/id',
        '$1',
        '$@',
        '/home/u/.s$' + '{x}sh/id',
        '$OLDPWD/.ssh/id',
        '%X%\\id',
      ],
    ],
    'globs (shells)': [
      ...[
        '/home/*/.ssh/id',
        '/home/u/.s*/id',
        '/home/u/.ss?/id',
        '/home/u/.[s]sh/id',
        '/home/u/.[!a]sh/id',
        '/home/u/.[^a]sh/id',
      ],
      ...[
        '/**/id',
        '/home/u/.ssh/*',
        '/home/u/.ssh/i[a-e]',
        '/*/u/.ssh/id',
        '/home/u/.ssh/[[:alpha:]]d',
        '/home/u/?ssh/id',
        '/home/u/.[-s]sh/id',
        '/home/u/.[s-]sh/id',
        '/home/u/.[]s]sh/id',
        '/home/u/.(ssh|x)/id',
        '/home/u/.[!]a]sh/id',
        '/home/u/.[[=s=]]sh/id',
        '~/.s*/id',
      ],
      ...[
        '/home/u/x/../.s*/id',
        '//home/u/.s*/id',
        '/home/u/./.s*/id',
        '/home/u/.ssh/i*/',
        '/home/u/.ssh/id*',
        '/home/u/.@(ssh|x)/id',
        '/home/u/.+(s)h/id',
      ],
    ],
    'braces (shells)': [
      ...[
        '/home/u/.{ssh,x}/id',
        '/home/{u,v}/.ssh/id',
        '{/home/u/.ssh/id,/x}',
        '/home/u/.ssh/{id,}',
        '/home/u/.{s,x}s{h,y}/id',
      ],
      ...[
        '/home/u/.{x,{ssh,y}}/id',
        '/home/{t..v}/.ssh/id',
        '/home/u/{.ssh/id,x}',
        '~/{.ssh,x}/id',
        '/home/u/{x/..,y}/.ssh/id',
      ],
    ],
  },
};

const ENV: PathPlace = {
  path: '/home/u/work/.env',
  patterns: ['/home/u/work/.env', '**/.env', '/home/u/work/.e*', '.env', '/home/u/**/.env'],
  folder: '/home/u/work/.env',
  spellings: {
    'as written': ['/home/u/work/.env', '.env'],
    'dots and slashes (POSIX)': [
      './.env',
      '././/.env',
      'a/../.env',
      '.env/',
      '.env/.',
      './a/./../.env',
      '../work/.env',
      '/home/u/work/../work/.env',
    ],
    'home and variables': [
      '~/work/.env',
      '$HOME/work/.env',
      '$PWD/.env',
      '$' + '{PWD}/.env',
      '~+/.env',
      '`pwd`/.env',
      '%CD%\\.env',
    ],
    URLs: [
      'file:///home/u/work/.env',
      'file:.env',
      'file:/home/u/work/%2eenv',
      'file:///home/u/work/.env?a=b',
    ],
    'percent and backslashes': ['%2eenv', '.%65nv', '.\\.env', '.\\env', 'a\\..\\.env', '.e\\nv'],
    'copying tools and drives': ['u@host:.env', 'host:.env', 'x:/home/u/work/.env', 'C:.env'],
    proc: ['/proc/self/cwd/.env', '/proc/1/root/home/u/work/.env'],
    'globs and braces': [
      '.e*',
      '.en?',
      '.[e]nv',
      '{.env,a}',
      '.{env,x}',
      './.e*',
      '?env',

      './{.env,.x}',
      '*/../.env',
    ],
  },
};

/** Composed and decomposed letters name the same file on some systems, and look the same to people on all. */
const CAFE: PathPlace = {
  path: '/home/u/caf\u00e9/x',
  patterns: ['/home/u/caf\u00e9/**', '/home/u/cafe\u0301/x'],
  folder: '/home/u/caf\u00e9',
  spellings: {
    'Unicode (NFC, NFD)': [
      '/home/u/caf\u00e9/x',
      '/home/u/cafe\u0301/x',
      '../cafe\u0301/x',
      '~/cafe\u0301/x',
    ],
    percent: ['file:///home/u/caf%C3%A9/x', 'file:///home/u/cafe%CC%81/x', '/home/u/caf%c3%a9/x'],
  },
};

export const PATH_PLACES: readonly PathPlace[] = [KEY, ENV, CAFE];

/** Texts that only a shell, or the reader of an argument, takes apart: of targets of the kind `other`. */
export const COMMANDS: readonly string[] = [
  ...[
    'cat /home/u/.ssh/id',
    "cat '/home/u/.ssh/id'",
    'cat "/home/u/.ssh/id"',
    'cat</home/u/.ssh/id',
    'true;cat /home/u/.ssh/id',
  ],
  ...[
    'cat ~/.ssh/id',
    'cat "$HOME"/.ssh/id',
    'dd if=/home/u/.ssh/id',
    'ssh --key=/home/u/.ssh/id h',
    'true && cat ../.ssh/id',
  ],
  ...[
    'cat /home/u/.s*/id',
    'cat\t/home/u/.ssh/id',
    'cat /home/u/.ssh/id\nid',
    'a|cat /home/u/.ssh/id',
    'cat $(echo /home/u/.ssh/id)',
  ],
];
