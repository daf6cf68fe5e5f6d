import type { OptionalText } from '../command.ts';

/** Where a gate keeps what it must not forget. */
export const stateFlag: { readonly 'state-dir': OptionalText } = {
  'state-dir': {
    type: 'string',
    value: 'DIR',
    env: 'GAIT_GATE_STATE',
    summary:
      'Directory of decisions, records and used-up approvals. By default ./gait-out/gate; put it where the ' +
      'agent cannot write.',
  },
};
