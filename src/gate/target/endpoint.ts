import { lowered, trimmed } from '../../core/text.ts';

export const TARGET_KINDS = [
  'path',
  'url',
  'host',
  'repo',
  'bucket',
  'table',
  'queue',
  'topic',
  'other',
] as const;
export type TargetKind = (typeof TARGET_KINDS)[number];

export const ENDPOINT_CLASSES = [
  'fs.read',
  'fs.write',
  'fs.delete',
  'proc.exec',
  'net.http',
  'net.dns',
  'ui.click',
  'ui.type',
  'ui.navigate',
  'other',
] as const;
export type EndpointClass = (typeof ENDPOINT_CLASSES)[number];

const READS = ['read', 'get', 'list', 'open', 'cat', 'head', 'download', 'stat'];
const WRITES = ['write', 'append', 'put', 'create', 'update', 'save', 'copy', 'move', 'rename'];
const DELETES = ['delete', 'remove', 'rm', 'unlink', 'rmdir', 'drop', 'truncate'];
const EXECUTES = ['exec', 'spawn', 'run', 'shell', 'command'];
const RESOLVES = ['dns', 'resolve', 'lookup'];

/** Operations that destroy, whatever they are done to. */
const DESTROYS: ReadonlySet<string> = new Set([...DELETES, 'exec', 'spawn']);

const HINTS: readonly (readonly [EndpointClass, readonly string[]])[] = [
  ['fs.read', ['read', 'list', 'fetch', 'search']],
  ['fs.write', ['write', 'update', 'save', 'create']],
  ['fs.delete', ['delete', 'remove', 'rm', 'drop']],
];
const EXEC_HINTS = ['exec', 'shell', 'command', 'spawn', 'run'];

/** The class of what a call does to a target, from the operation, else from words in the name of the tool. */
export function inferredClass(kind: TargetKind, operation: string, toolName: string): EndpointClass {
  switch (kind) {
    case 'path':
      return pathClass(operation, toolName);
    case 'host':
    case 'url':
      return RESOLVES.includes(operation) ? 'net.dns' : 'net.http';
    case 'other':
      if (EXECUTES.includes(operation)) return 'proc.exec';
      return EXEC_HINTS.some((hint) => toolName.includes(hint)) ? 'proc.exec' : 'other';
    default:
      return 'other';
  }
}

function pathClass(operation: string, toolName: string): EndpointClass {
  const told = classOfOperation(operation);
  if (told !== undefined && told !== 'proc.exec') return told;
  const name = toolName.slice(toolName.lastIndexOf('/') + 1);
  return HINTS.find(([, hints]) => hints.some((hint) => name.includes(hint)))?.[0] ?? 'other';
}

/** True for what cannot be taken back. */
export function isDestructive(endpointClass: EndpointClass, operation: string): boolean {
  return endpointClass === 'fs.delete' || endpointClass === 'proc.exec' || DESTROYS.has(operation);
}

/**
 * The domain that stands in a digest: by the rules of the programs before this one, which a target can mislead. What
 * decides is `domainOf` of `domains.ts`.
 */
export function writtenDomain(kind: TargetKind, value: string): string {
  if (kind === 'host') {
    const bare = value.replace(/^http:\/\//, '').replace(/^https:\/\//, '');
    return trimmed(lowered(bare.split('/')[0]?.split(':')[0] ?? ''));
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a URL has none
  if (kind !== 'url' || /[\x00-\x1f\x7f]/.test(value)) return '';
  const [, authority, path = '', fragment = ''] =
    /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/([^/?#]*)([^?#]*)(?:\?[^#]*)?(?:#(.*))?$/su.exec(value) ?? [];
  if (authority === undefined || /[\s\\"<>^`{|}]/.test(authority)) return '';
  if (/%(?![0-9A-Fa-f]{2})/.test(`${authority}${path}${fragment}`)) return '';
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host);
  if (bracketed !== null) return lowered(bracketed[1] ?? '');
  return /^[^:]*(?::\d*)?$/.test(host) ? lowered(host.replace(/:\d*$/, '')) : '';
}

/** The class that an operation is of by itself; undefined for one that says nothing. */
export function classOfOperation(operation: string): EndpointClass | undefined {
  if (EXECUTES.includes(operation)) return 'proc.exec';
  if (DELETES.includes(operation)) return 'fs.delete';
  if (WRITES.includes(operation)) return 'fs.write';
  return READS.includes(operation) ? 'fs.read' : undefined;
}
