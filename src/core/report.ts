import { MAX_FINDING_TEXT, MAX_FINDINGS } from './limits.ts';

/** The layers of a verification, in their order. A later one is reached only as far as the earlier ones allow. */
export type Layer = 'container' | 'manifest' | 'payload' | 'signatures';

export type CheckName =
  | 'container_bytes'
  | 'member_content'
  | 'manifest_schema'
  | 'manifest_digest'
  | 'pack_id'
  | 'member_digests'
  | 'nothing_undeclared'
  | 'proof_records'
  | 'payload_schemas'
  | 'payload_agreement'
  | 'source_runpack'
  | 'event_chain'
  | 'event_fold'
  | 'approval_signatures'
  | 'extends'
  | 'known_head'
  | 'asked_source'
  | 'signatures';

/** Everything that verifications look at, each with its layer, in the order in which they tell of it. */
const LAYERS: Readonly<Record<CheckName, Layer>> = {
  container_bytes: 'container',
  member_content: 'container',
  manifest_schema: 'manifest',
  manifest_digest: 'manifest',
  pack_id: 'manifest',
  member_digests: 'manifest',
  nothing_undeclared: 'manifest',
  proof_records: 'payload',
  payload_schemas: 'payload',
  payload_agreement: 'payload',
  source_runpack: 'payload',
  event_chain: 'payload',
  event_fold: 'payload',
  approval_signatures: 'payload',
  extends: 'payload',
  known_head: 'payload',
  asked_source: 'payload',
  signatures: 'signatures',
};

/** `not_applicable`: the producer could not have provided it. `not_reached`: what it needs failed before. */
export type CheckStatus = 'passed' | 'failed' | 'not_reached' | 'not_applicable';

/** One thing that is wrong with an artifact, and where. */
export interface Finding {
  readonly layer: Layer;
  readonly code: string;
  readonly message: string;
  readonly member?: string;
  readonly offset?: number;
  readonly revision?: number;
  readonly expected?: string;
  readonly actual?: string;
}

/** A finding whose layer follows from the check that made it. */
export type Found = Omit<Finding, 'layer'>;

/** How a check ended. */
export interface CheckResult {
  readonly layer: Layer;
  readonly check: CheckName;
  readonly status: CheckStatus;
}

/** Collects what a verification finds; a check that nobody reported on was not reached. */
export class Report {
  readonly findings: Finding[] = [];
  #omitted = 0;
  readonly #statuses: Map<CheckName, CheckStatus>;

  /** `checks`: those that belong to this verification. */
  constructor(checks: readonly CheckName[]) {
    this.#statuses = new Map(checks.map((check) => [check, 'not_reached']));
  }

  /** The check was made and found this. No findings: it passed. */
  settle(check: CheckName, findings: readonly Found[]): boolean {
    for (const finding of findings) {
      if (this.findings.length < MAX_FINDINGS)
        this.findings.push({ layer: LAYERS[check], ...clipped(finding) });
      else this.#omitted += 1;
    }
    const passed = findings.length === 0;
    if (this.#statuses.get(check) !== 'failed') this.#statuses.set(check, passed ? 'passed' : 'failed');
    return passed;
  }

  /** How many findings are not listed. */
  get omitted(): number {
    return this.#omitted;
  }

  notApplicable(check: CheckName): void {
    this.#statuses.set(check, 'not_applicable');
  }

  /** The check is part of this verification, as it turned out. */
  expect(check: CheckName): void {
    if (!this.#statuses.has(check)) this.#statuses.set(check, 'not_reached');
  }

  /** The check is not part of this verification, as it turned out. */
  leaveOut(check: CheckName): void {
    this.#statuses.delete(check);
  }

  /** Every check that belongs to this verification, in the order of the layers. */
  get checks(): readonly CheckResult[] {
    const all = Object.keys(LAYERS) as CheckName[];
    return all.flatMap((check) => {
      const status = this.#statuses.get(check);
      return status === undefined ? [] : [{ layer: LAYERS[check], check, status }];
    });
  }
}

/** Whatever a finding quotes, it stays readable. */
function clipped(finding: Found): Found {
  const entries = Object.entries(finding).map(([name, value]: [string, unknown]) => {
    return [name, typeof value === 'string' ? clippedText(value) : value];
  });
  return Object.fromEntries(entries) as Found;
}

/** What an artifact says, for a report: the start of it, with a mark that there is more. */
export function clippedText(text: string): string {
  return text.length > MAX_FINDING_TEXT ? `${text.slice(0, MAX_FINDING_TEXT - 1).toWellFormed()}…` : text;
}

/** As much of a list as a report tells, each of its texts clipped. */
export function clippedList(texts: readonly string[]): string[] {
  return texts.slice(0, MAX_FINDINGS).map(clippedText);
}
