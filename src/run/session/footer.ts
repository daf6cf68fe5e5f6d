import { invalidInput } from '../../core/errors.ts';

const FOOTER_ID = /^[A-Za-z0-9_-]+$/;

/**
 * The line that puts a run into a ticket: whoever reads it can check the runpack against it. Throws `run_id_invalid`
 * for an id that would not be one word there.
 */
export function ticketFooter(runId: string, manifestDigest: string): string {
  if (!FOOTER_ID.test(runId)) {
    const hint = 'Ids in footers are letters, digits, _ and -. Record the run again with --run-id.';
    throw invalidInput(
      'run_id_invalid',
      `the run id ${JSON.stringify(runId)} cannot stand in a ticket footer`,
      hint,
    );
  }
  return `GAIT run_id=${runId} manifest=sha256:${manifestDigest.toLowerCase()} verify="gait verify ${runId}"`;
}
