import type { JobEvent, JobEventOf } from '../events.ts';

export interface DescribedEvent {
  readonly event: JobEvent;
  readonly text: string;
}

/** What events say, for people. A run of renewals of one lease stands as its last one, with how many there were. */
export function describeEvents(events: readonly JobEvent[]): DescribedEvent[] {
  const told: DescribedEvent[] = [];
  let renewals = 0;
  for (const [index, event] of events.entries()) {
    renewals = event.type === 'lease_renewed' ? renewals + 1 : 0;
    if (renewals > 0 && events[index + 1]?.type === 'lease_renewed') continue;
    const times = renewals > 1 ? `, ${renewals} times by now` : '';
    told.push({ event, text: `${eventText(event)}${times}` });
  }
  return told;
}

/** What an event says, as one line for people: without its time and actor. Text of callers stands in it as it is. */
export function eventText(event: JobEvent): string {
  switch (event.type) {
    case 'submitted':
      return `submitted, bound to ${event.payload.environment_fingerprint}${approvers(event)}${because(event.payload)}`;
    case 'checkpoint_added': {
      const { checkpoint_id, checkpoint_type, summary, required_action } = event.payload;
      const needs = required_action === '' ? '' : ` (needs: ${required_action})`;
      return `${checkpoint_id} ${checkpoint_type}: ${summary}${needs}${because(event.payload)}`;
    }
    case 'paused':
      return `paused${because(event.payload)}`;
    case 'approved':
      return `approved ${event.payload.checkpoint_id}${signature(event)}${because(event.payload)}`;
    case 'resumed': {
      const { expected_fingerprint, actual_fingerprint } = event.payload;
      const change =
        actual_fingerprint === undefined
          ? ''
          : ` in a changed environment, ${expected_fingerprint} → ${actual_fingerprint}`;
      return `resumed${change}${because(event.payload)}`;
    }
    case 'resume_refused': {
      const changed = event.payload.differences.map(
        ({ rule, expected, actual }) => `${rule}: ${expected} → ${actual}`,
      );
      return `resume refused, the environment changed: ${changed.join('; ')}${because(event.payload)}`;
    }
    case 'cancelled':
      return `cancelled${because(event.payload)}`;
    case 'emergency_stop_acknowledged':
      return `emergency stop${because(event.payload)}`;
    case 'lease_acquired': {
      const { worker_id, token, expires_at, taken_over } = event.payload;
      const over =
        taken_over === undefined
          ? ''
          : `, taken over from ${taken_over.worker_id} (token ${taken_over.token})`;
      return `claimed by ${worker_id}, token ${token}, until ${expires_at}${over}`;
    }
    case 'lease_renewed':
      return `lease ${event.payload.token} renewed until ${event.payload.expires_at}`;
    case 'lease_released': {
      const { token, outcome, exit_code, signal } = event.payload;
      const code = exit_code === undefined ? '' : `, exit ${exit_code}`;
      const done = event.payload.work_done === undefined ? '' : ', the work is done';
      return `lease ${token} released: ${outcome.replace('_', ' ')}${code}${signal === undefined ? '' : `, ${signal}`}${done}${because(event.payload)}`;
    }
    case 'budget_exceeded':
      return `budget of ${event.payload.budget} exceeded: ${event.payload.used} of ${event.payload.limit}`;
    case 'repaired': {
      const { cut_bytes, kept_as, after } = event.payload;
      const left = after === undefined ? '' : `; the job is ${after.status}`;
      return `repaired: ${cut_bytes} bytes were cut and kept as ${kept_as}${left}${because(event.payload)}`;
    }
  }
}

function approvers({ payload: { approval_policy: policy } }: JobEventOf<'submitted'>): string {
  if (policy === undefined) return '';
  const { required, keys } = policy;
  return `, its decisions need ${required} of ${keys.length} approver${keys.length === 1 ? '' : 's'} to sign`;
}

function signature({ payload: { signed } }: JobEventOf<'approved'>): string {
  if (signed === undefined) return '';
  return `, signed with the key ${signed.signature.key_id} until ${signed.expires_at}`;
}

function because({ reason }: { readonly reason?: string }): string {
  return reason === undefined ? '' : `: ${reason}`;
}
