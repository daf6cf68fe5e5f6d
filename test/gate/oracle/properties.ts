import type { Json } from '../../../src/core/json.ts';
import type { Decision } from '../../../src/gate/evaluate.ts';
import fc from '../../support/property.ts';
import { type Asked, decide, isWeaker } from './asking.ts';
import { lost } from './duties.ts';
import { outside } from './granting.ts';
import { spelledPlace } from './spelling.ts';
import * as world from './world.ts';

/** How often each verdict came, so that nobody takes a gate that is shut for one that is right. */
export type Tally = Record<string, number>;

/** Tells of each decision. */
export type Ask = (asked: Asked) => Decision;

/** What must always hold. `check` answers what did not, in a line for each. */
export interface Property<T = never> {
  readonly name: string;
  /** At least so many calls are judged for one input. */
  readonly asks: number;
  readonly inputs: fc.Arbitrary<T>;
  readonly check: (input: T, ask: Ask) => readonly string[];
}

function property<T>(
  name: string,
  asks: number,
  inputs: fc.Arbitrary<T>,
  check: Property<T>['check'],
): Property {
  return { name, asks, inputs, check } as unknown as Property;
}

const { rules, step, context, switches, policyOf, single, scripted } = world;

export const PROPERTIES: readonly Property[] = [
  property(
    'one target more never weakens a verdict nor drops a duty',
    2,
    fc.record({ rules, step, context, switches, more: world.target, first: fc.boolean() }),
    ({ rules: all, step: one, context: around, switches: entries, more, first }, ask) => {
      const targets = first ? [more, ...one.targets] : [...one.targets, more];
      const on = { policy: policyOf(all), switches: entries };
      const before = ask({ ...on, call: single(one, around) });
      return lost(before, ask({ ...on, call: single({ ...one, targets }, around) }));
    },
  ),
  property(
    'one labelled argument more never weakens a verdict nor drops a duty',
    2,
    fc.record({ rules, step, context, more: world.source }),
    ({ rules: all, step: one, context: around, more }, ask) => {
      const policy = policyOf(all);
      const before = ask({ policy, call: single(one, around) });
      return lost(before, ask({ policy, call: single({ ...one, sources: [...one.sources, more] }, around) }));
    },
  ),
  property(
    'a script is as strict as its strictest step, and owes what any of them owes',
    4,
    fc.record({ rules, steps: fc.array(step, { minLength: 2, maxLength: 3 }), context, switches }),
    ({ rules: all, steps, context: around, switches: entries }, ask) => {
      const on = { policy: policyOf(all), switches: entries };
      const whole = ask({ ...on, call: scripted(steps, around) });
      const each = steps.map((one) => ask({ ...on, call: single(one, around) }));
      const fewer = ask({ ...on, call: scripted(steps.slice(1), around) });
      const stricter = each.every(({ verdict }) => isWeaker(verdict, whole.verdict));
      return [
        ...each.flatMap((one) => lost(one, whole)),
        ...lost(fewer, whole),
        ...(stricter ? [`stricter than each step: ${whole.verdict}`] : []),
      ];
    },
  ),
  property(
    'a further rule of the same priority that matches never weakens a verdict nor drops a duty',
    2,
    fc.record({ rules, any: world.rule, more: world.rule, step, context }),
    ({ rules: all, any, more, step: one, context: around }, ask) => {
      const { match: _, ...matchesAll } = any;
      const before = { ...all, rules: [{ ...matchesAll, priority: 1 }, ...all.rules] };
      const after = { ...before, rules: [...before.rules, { ...more, priority: 1 }] };
      const call = single(one, around);
      return lost(ask({ policy: policyOf(before), call }), ask({ policy: policyOf(after), call }));
    },
  ),
  property(
    'a kill switch more never weakens a verdict',
    2,
    fc.record({ rules, step, context, switches }),
    ({ rules: all, step: one, context: around, switches: entries }, ask) => {
      const [policy, call] = [policyOf(all), single(one, around)];
      return lost(ask({ policy, call }), ask({ policy, call, switches: entries }));
    },
  ),
  property(
    'what is denied in one spelling is denied in all, whatever stands beside it',
    2,
    fc.record({
      place: spelledPlace,
      kind: fc.constantFrom('path', 'url', 'host', 'other', 'table'),
      beside: step,
    }),
    ({ place, kind, beside }, ask) => {
      const { denials, value, operation } = place;
      const call = single({ ...beside, targets: [...beside.targets, { kind, value, operation }] }, {});
      return denials.flatMap((denial) => {
        const { verdict } = ask({ ...denial, call });
        return verdict === 'block' ? [] : [`${verdict}: ${JSON.stringify(denial)}`];
      });
    },
  ),
  property('an allow list lets nothing through that is not in it', 6, outside.inputs, outside.check),
];

/** What became of a property. */
export interface Held {
  readonly name: string;
  readonly inputs: number;
  /** Calls that were judged under a policy. */
  readonly pairs: number;
  readonly verdicts: Tally;
  /** Shrunk; undefined for none. */
  readonly fault?: string;
}

/** Judges so many calls in all, for each property as many. `timed` runs one of them. */
export function holdAll(pairs: number, timed: (judge: () => Decision) => Decision): Held[] {
  return PROPERTIES.map((one) => held(one, Math.ceil(pairs / PROPERTIES.length / one.asks), timed));
}

export function held(
  { name, inputs, check }: Property,
  numRuns: number,
  timed: (judge: () => Decision) => Decision = (judge) => judge(),
): Held {
  const verdicts: Tally = {};
  let [made, pairs] = [0, 0];
  const ask: Ask = (asked) => {
    const decision = timed(() => decide(asked));
    pairs += 1;
    verdicts[decision.verdict] = (verdicts[decision.verdict] ?? 0) + 1;
    if (decision.reason_codes.includes('evaluation_failed')) throw new Error('it could not be evaluated');
    return decision;
  };
  const holds = fc.property(inputs, (input) => {
    made += 1;
    const faults = check(input, ask);
    if (faults.length > 0) throw new Error(faults.join('; '));
  });
  const { failed, counterexample, errorInstance } = fc.check(holds, { numRuns });
  const fault = `${String(errorInstance)} ${JSON.stringify(counterexample as Json)}`;
  return { name, inputs: made, pairs, verdicts, ...(failed ? { fault } : {}) };
}
