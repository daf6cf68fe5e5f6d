import type { ApproveCommand } from './approval/decide.ts';
import type { Approvers } from './approval_policy.ts';
import type { AfterRepair, Budget, CheckpointType, JobTask } from './events.ts';
import type { EnvironmentClaim } from './fingerprint.ts';
import type { LeaseCommand } from './lease/decide.ts';

/** What a command may ask of a job. */
export type JobCommand =
  | SubmitCommand
  | LeaseCommand
  | {
      readonly kind: 'checkpoint';
      readonly type: CheckpointType;
      readonly summary: string;
      readonly requiredAction?: string;
      /** Of the lease that the writer holds. */
      readonly token?: number;
      /** Whose lease it is. By default the actor. */
      readonly worker?: string;
    }
  | { readonly kind: 'pause' | 'cancel' | 'stop' }
  | ApproveCommand
  | {
      readonly kind: 'resume';
      readonly claim: EnvironmentClaim;
      readonly allowEnvMismatch: boolean;
      /** Nobody asked for it: it follows from an answer, and undoes no pause and no block. */
      readonly automatic?: true;
    }
  | RepairCommand;

export interface SubmitCommand {
  readonly kind: 'submit';
  readonly claim: EnvironmentClaim;
  readonly producerVersion: string;
  readonly task?: JobTask;
  readonly budget?: Budget;
  /** Whose signatures its decisions will need. */
  readonly approvers?: Approvers;
}

/** What a repair cut, and what it makes of the job. */
export interface RepairCommand {
  readonly kind: 'repair';
  readonly cutBytes: number;
  readonly cutSha256: string;
  readonly keptAs: string;
  readonly after: AfterRepair;
}
