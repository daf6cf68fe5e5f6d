import { pendingDecisions } from '../approval/open_decisions.ts';
import type { JobEvent } from '../events.ts';
import type { Job } from '../state.ts';

/** What an agent asks a person. */
export interface Question {
  /** What came up, in 1 to 512 characters. */
  readonly summary: string;
  /** What the person has to decide, in 1 to 2048 characters. */
  readonly requiredAction: string;
}

/** What a person answered; where several had to sign, the last of them. */
export interface Answer {
  readonly checkpointId: string;
  readonly approvedBy: string;
  readonly reason: string;
}

interface Asked {
  readonly checkpointId: string;
  readonly key: string;
  /** What was said last; an answer once the decision is settled by it. */
  said?: Answer;
  answer?: Answer;
  /** The work went on after the answer: asked once more, it is another question. */
  used: boolean;
}

/** Two questions with the same key are the same question. Texts are compared as they are kept: trimmed. */
export function keyOf({ summary, requiredAction }: Question): string {
  return JSON.stringify([textOf(summary), textOf(requiredAction)]);
}

/**
 * The questions of a job and their answers, gathered from its events in order. An agent that was killed asks again what
 * it had asked: it is to get the answer, or wait on, and not to bother the person twice. A checkpoint of the work ends
 * that: it shows that the answers before it were taken.
 */
export class AskedQuestions {
  readonly #asked: Asked[] = [];

  /** `job`: as it is after the event. */
  add(event: JobEvent, job: Job): void {
    if (event.type === 'checkpoint_added') {
      const { checkpoint_id: checkpointId, checkpoint_type, summary, required_action } = event.payload;
      if (checkpoint_type === 'decision-needed') {
        const key = keyOf({ summary, requiredAction: required_action });
        this.#asked.push({ checkpointId, key, used: false });
      } else {
        for (const asked of this.#asked) asked.used ||= asked.answer !== undefined;
      }
    } else if (event.type === 'approved') {
      const { checkpoint_id: checkpointId, reason } = event.payload;
      const asked = this.#asked.find((one) => one.checkpointId === checkpointId);
      if (asked !== undefined) asked.said = { checkpointId, approvedBy: event.actor, reason };
    }
    if (event.type === 'approved' || event.type === 'resumed') this.#settle(job);
  }

  /** What was said answers the questions that wait for nothing more: no further approval, no resume. */
  #settle(job: Job): void {
    const waiting = new Set(
      job === undefined ? [] : pendingDecisions(job).map(({ checkpoint_id }) => checkpoint_id),
    );
    for (const asked of this.#asked) {
      if (asked.said !== undefined && !waiting.has(asked.checkpointId)) asked.answer = asked.said;
    }
  }

  /** The oldest asking of a question that is open, or answered and not used, without those that were `taken` already. */
  pending(question: Question, taken: ReadonlySet<string>): string | undefined {
    const key = keyOf(question);
    return this.#asked.find((one) => one.key === key && !one.used && !taken.has(one.checkpointId))
      ?.checkpointId;
  }

  answerTo(checkpointId: string): Answer | undefined {
    return this.#asked.find((one) => one.checkpointId === checkpointId)?.answer;
  }
}

/** A text as it is kept; empty, and so refused, for what a caller without types gives in its place. */
export function textOf(text: unknown): string {
  return typeof text === 'string' ? text.trim() : '';
}
