import { type Pattern, patternOf, type Work } from './glob.ts';
import { isAbsolute, isWithin, plainPath } from './places.ts';
import type { Paths } from './readings.ts';

/** How a target is held against what is denied. */
export interface DenialLook {
  /** What is done goes into folders: one above what is denied is denied as well. */
  readonly reaches: boolean;
  /** It may be a command, of many words. */
  readonly isCommand: boolean;
  readonly workspace: string;
  readonly work: Work;
}

/** One pattern of a list that lets paths through. */
export type PathAllowed = (path: string, work: Work) => boolean;

/** One pattern of a list that denies: what it is met by. */
export interface PathDenied {
  readonly patterns: readonly Pattern[];
  /** The folders that what it holds for is in, as far as its text says. */
  readonly above: readonly Pattern[];
  /** Those of them that its text does not name. */
  readonly likeAbove: readonly Pattern[];
  /** It holds from the workspace on: what that is in is above it too. */
  readonly inWorkspace: boolean;
  /** It names the workspace itself: all that is in it. */
  readonly isWorkspace: boolean;
}

const GLOB = /[*?[]/;

/** A pattern in its one form: no `.`, no doubled slash, a drive's backslashes as slashes. Undefined for one that leads nowhere. */
function plainPattern(pattern: string): string | undefined {
  const slashed = /^[a-z]:[\\/]/i.test(pattern) ? pattern.replaceAll('\\', '/') : pattern;
  if (/\\(?![*?[\]\\{}^-])/.test(slashed)) return undefined;
  const rooted = slashed.startsWith('/');
  const parts: string[] = [];
  for (const part of slashed.normalize('NFC').split('/')) {
    if (part === '' || part === '.') continue;
    const before = parts.at(-1);
    if (part !== '..') parts.push(part);
    else if (before === undefined ? !rooted : GLOB.test(before)) return undefined;
    else parts.pop();
  }
  return `${rooted ? '/' : ''}${parts.join('/')}` || '.';
}

/** Without the backslashes that take a character as it is. */
function unescaped(pattern: string): string {
  return pattern.replaceAll(/\\(.)/gs, '$1');
}

/** The folder of a pattern that ends with two stars (`P/**`), as it is written. */
function folderOf(plain: string): string | undefined {
  return plain.endsWith('/**') ? plain.slice(0, -3) || '/' : undefined;
}

/** A path, a folder with all that is in it (`P/**`), or a glob, whose stars stand for no slash but at the end. */
export function pathAllowed(pattern: string): PathAllowed {
  const plain = plainPattern(pattern) ?? pattern;
  if (plain === '**') return () => true;
  const folder = folderOf(plain);
  if (folder !== undefined && !GLOB.test(withoutEscapes(folder))) {
    const named = unescaped(folder);
    return (path) => isWithin(path, named);
  }
  const glob = patternOf(plain);
  return (path, work) => path === plain || glob?.fits(path, work) === true;
}

/** Two stars stand for any number of folders wherever they stand. What is in a folder that is denied is denied as well. */
export function pathDenied(pattern: string): PathDenied {
  const plain = plainPattern(pattern) ?? pattern;
  const folder = folderOf(plain) ?? plain;
  const all = [folder, folder === '/' ? '/**' : `${folder}/**`];
  const compile = (one: string): readonly Pattern[] => {
    const made = patternOf(one, { deep: true });
    return made === undefined ? [] : [made];
  };
  const folders = above(plain);
  const inWorkspace = folders.length > 0 && !isAbsolute(plain);
  const isLiteral = (one: string): boolean => !GLOB.test(withoutEscapes(one));
  return {
    patterns: all.flatMap(compile),
    above: folders.filter(isLiteral).flatMap(compile),
    likeAbove: folders.filter((one) => !isLiteral(one)).flatMap(compile),
    inWorkspace,
    isWorkspace: plain === '.',
  };
}

/** What the part of a pattern before its first two stars is in, folder by folder. Empty where it begins with a glob. */
function above(plain: string): string[] {
  const parts = plain.split('/');
  if (GLOB.test(withoutEscapes(parts[0] ?? ''))) return [];
  const deep = parts.findIndex((part) => withoutEscapes(part).includes('**'));
  const named = deep === -1 ? parts : parts.slice(0, deep);
  return named.map((_, index) => named.slice(0, index + 1).join('/') || '/');
}

function withoutEscapes(text: string): string {
  return text.replaceAll(/\\./gs, '');
}

/** True if one of the paths is denied. */
export function isDenied(
  { patterns, above, likeAbove, inWorkspace, isWorkspace }: PathDenied,
  paths: Paths,
  { reaches, isCommand, workspace, work }: DenialLook,
): boolean {
  for (const pattern of patterns) {
    for (const path of paths.plain) if (pattern.fits(path, work)) return true;
    for (const set of paths.patterns) if (set.meets(pattern, work)) return true;
  }
  if (isWorkspace && (paths.patterns.length > 0 || [...paths.plain].some((path) => !isAbsolute(path))))
    return true;
  if (!reaches) return false;
  if (inWorkspace && isAbove(paths, '.', workspace, work)) return true;
  // Each word of a command may be a folder, and hardly any is.
  return [...above, ...(isCommand ? [] : likeAbove)].some((pattern) => {
    const holds = (path: string): boolean => pattern.fits(path, work);
    return [...paths.plain].some(holds) || paths.patterns.some((set) => set.meets(pattern, work));
  });
}

/** True if one of the paths is this folder, or one that it is in. A relative one counts from the workspace on too. */
export function isAbove(paths: Paths, folder: string, workspace: string, work: Work): boolean {
  const rooted = folder.startsWith('/') ? undefined : plainPath(`${workspace}/${folder}`);
  for (const one of rooted === undefined ? [folder] : [folder, rooted]) {
    for (const path of paths.plain) if (isWithin(one, path)) return true;
    if (paths.patterns.length === 0) continue;
    for (const above of lineage(one))
      for (const set of paths.patterns) if (set.fits(above, work)) return true;
  }
  return false;
}

/** A folder, and all that it is in. */
function lineage(folder: string): string[] {
  const found = [folder];
  for (let at = folder.lastIndexOf('/'); at > 0; at = folder.lastIndexOf('/', at - 1))
    found.push(folder.slice(0, at));
  return folder.startsWith('/') ? [...found, '/'] : [...found, '.'];
}

/** Why a pattern could never hold for a path, or means something else; undefined for one that can. */
export function pathFault(pattern: string): string | undefined {
  if (patternOf(pattern) === undefined && plainPattern(pattern) === pattern) return 'is a malformed glob';
  if (/^~/.test(pattern))
    return 'begins with ~, which stands for no folder here: write the folder, or **/ and what is in it';
  if (/^\$|\$\{|^%\w+%/.test(pattern)) return 'has a variable, which nobody puts a folder in the place of';
  if (/^!/.test(pattern))
    return 'begins with !, which stands for itself: there are allow lists and deny lists';
  if (/(?<!\\)[{}]/.test(pattern))
    return 'has braces, which stand for themselves: write one line for each, or \\{';
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(pattern)) return 'is no path that a call can have';
  const plain = plainPattern(pattern);
  if (plain === undefined) return 'is no path that a call can have';
  if (patternOf(plain) === undefined) return 'is a malformed glob';
  return !GLOB.test(pattern) && plainPath(unescaped(plain)) === undefined
    ? 'is no path that a call can have'
    : undefined;
}
