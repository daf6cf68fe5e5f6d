/** The layers of a verification, in their order. A later one is reached only as far as the earlier ones allow. */
export type Layer = 'container' | 'manifest' | 'payload' | 'signatures';

export type CheckName =
  | 'container_bytes'
  | 'member_content'
  | 'manifest_schema'
  | 'pack_id'
  | 'member_digests'
  | 'nothing_undeclared'
  | 'payload_schemas'
  | 'payload_agreement'
  | 'event_chain'
  | 'event_fold'
  | 'extends'
  | 'signatures';

/** Everything that a verification looks at, each with its layer. */
export const CHECKS: Readonly<Record<CheckName, Layer>> = {
  container_bytes: 'container',
  member_content: 'container',
  manifest_schema: 'manifest',
  pack_id: 'manifest',
  member_digests: 'manifest',
  nothing_undeclared: 'manifest',
  payload_schemas: 'payload',
  payload_agreement: 'payload',
  event_chain: 'payload',
  event_fold: 'payload',
  extends: 'payload',
  signatures: 'signatures',
};

/** `not_applicable`: the producer could not have provided it. `not_reached`: what it needs failed before. */
export type CheckStatus = 'passed' | 'failed' | 'not_reached' | 'not_applicable';

/** One thing that is wrong with a pack, and where. */
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

/** Collects what a verification finds; a check that nobody reported on was not reached. */
export class Report {
  readonly findings: Finding[] = [];
  readonly #statuses = new Map<CheckName, CheckStatus>();
  readonly #leftOut = new Set<CheckName>();

  /** The check was made and found this. No findings: it passed. */
  settle(check: CheckName, findings: readonly Omit<Finding, 'layer'>[]): boolean {
    for (const finding of findings) this.findings.push({ layer: CHECKS[check], ...finding });
    const passed = findings.length === 0;
    if (this.#statuses.get(check) !== 'failed') this.#statuses.set(check, passed ? 'passed' : 'failed');
    return passed;
  }

  notApplicable(check: CheckName): void {
    this.#statuses.set(check, 'not_applicable');
  }

  /** The check is not part of this verification. */
  leaveOut(check: CheckName): void {
    this.#leftOut.add(check);
  }

  /** Every check that belongs to this verification, in the order of the layers. */
  get checks(): readonly {
    readonly layer: Layer;
    readonly check: CheckName;
    readonly status: CheckStatus;
  }[] {
    const made = (Object.keys(CHECKS) as CheckName[]).filter((check) => !this.#leftOut.has(check));
    return made.map((check) => {
      return { layer: CHECKS[check], check, status: this.#statuses.get(check) ?? 'not_reached' };
    });
  }
}
