import type { GuardManifest } from './verify.ts';

/** What an evidence pack tells: its manifest. */
export interface GuardPackInspection {
  readonly pack_id: string;
  readonly pack_type: 'guard';
  readonly source_ref: string;
  readonly legacy_type: 'guard';
  readonly manifest: GuardManifest;
}

export function inspectGuardPack(manifest: GuardManifest): GuardPackInspection {
  const { pack_id, run_id } = manifest;
  return { pack_id, pack_type: 'guard', source_ref: run_id, legacy_type: 'guard', manifest };
}
