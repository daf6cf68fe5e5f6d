import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { invalidInput, ioFailure } from '../../core/errors.ts';
import { shareFolder } from '../../files/node.ts';

/** Shares the root of the jobs with a group, by name or number; folders above it that are missing are made alike. */
export function shareRoot(root: string, group: string): void {
  const gid = groupId(group);
  try {
    for (const path of missingAbove(resolve(root))) shareFolder(path, gid);
    shareFolder(resolve(root), gid);
  } catch (error) {
    throw ioFailure(error, `sharing ${root} with the group ${group}`);
  }
}

/** From the outermost on. */
function missingAbove(path: string): string[] {
  const above = dirname(path);
  return above === path || existsSync(above) ? [] : [...missingAbove(above), above];
}

function groupId(group: string): number {
  if (/^\d{1,10}$/.test(group)) return Number(group);
  for (const line of groups()) {
    const [name, , gid] = line.split(':');
    if (name === group && gid !== undefined) return Number(gid);
  }
  throw invalidInput(
    'group_unknown',
    `no group of this system: ${JSON.stringify(group)}`,
    'Give its name or number.',
  );
}

function groups(): string[] {
  try {
    return readFileSync('/etc/group', 'utf8').split('\n');
  } catch {
    return [];
  }
}
