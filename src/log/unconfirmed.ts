import { errnoOf, GaitError } from '../core/errors.ts';

/** What the disk did not confirm: it may be there now, and nobody may claim that it is there for good. */

export function appendUnconfirmed(
  stream: string,
  hashes: readonly string[],
  found: boolean,
  cause: unknown,
): GaitError {
  const { errno, path } = failureIn(cause);
  const what = errno === null ? '' : ` (${errno}${path === null ? '' : `, ${path}`})`;
  const shows = found ? 'shows it, but a power failure may undo it' : 'does not show it';
  return new GaitError({
    code: 'append_unconfirmed',
    category: 'io_failure',
    message: `the disk did not confirm the write to ${stream}${what}; the log ${shows}`,
    hint: 'Check the disk, read the state again, and repeat the command only if its event is not there.',
    details: { hashes, in_log: found, errno, path },
    cause,
  });
}

/** The repaired log stands in its place, and the disk did not say that it stays there. */
export function repairUnconfirmed(stream: string, cause: unknown): GaitError {
  return new GaitError({
    code: 'append_unconfirmed',
    category: 'io_failure',
    message: `the log of ${stream} was repaired, and the disk did not confirm it: a power failure may undo it`,
    hint: 'Check the disk, and run the same command again: it repairs what is still to be repaired.',
    details: { in_log: true, ...failureIn(cause) },
    cause,
  });
}

/** What the system said, and of which path. */
function failureIn(cause: unknown): { errno: string | null; path: string | null } {
  const named = cause instanceof Error && 'path' in cause ? cause.path : undefined;
  return { errno: errnoOf(cause) ?? null, path: typeof named === 'string' ? named : null };
}
