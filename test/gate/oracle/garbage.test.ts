import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GaitError } from '../../../src/core/errors.ts';
import type { Json, JsonObject } from '../../../src/core/json.ts';
import { parseIntent } from '../../../src/gate/intent/reader.ts';
import { readKillSwitches } from '../../../src/gate/kill_switch/reader.ts';
import { parsePolicy } from '../../../src/gate/policy/yaml.ts';
import { jsonValue } from '../../support/json.ts';
import fc from '../../support/property.ts';
import { decide } from './asking.ts';
import * as world from './world.ts';

const RUNS = { numRuns: 100 };

/** The same value with another one somewhere in it. */
function replaced(value: Json, at: number, by: Json): Json {
  let left = at;
  const visit = (one: Json): Json => {
    if (left === 0) {
      left -= 1;
      return by;
    }
    left -= 1;
    if (Array.isArray(one)) return one.map(visit);
    if (typeof one !== 'object' || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([name, member]) => [name, visit(member)]));
  };
  return visit(value);
}

/** Whatever is thrown is an error of gait, about what was put in. */
function typed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof GaitError && error.category === 'invalid_input', String(error));
    return undefined;
  }
}

const call = fc.record({ step: world.step, context: world.context });
const place = fc.integer({ min: 1, max: 40 });

describe('no input throws anything but a typed error', () => {
  test('a policy, a call or a state of switches with anything in the place of a part of it', () => {
    const inputs = fc.record({
      rules: world.rules,
      call,
      switches: world.switches,
      at: place,
      by: jsonValue(),
    });
    fc.assert(
      fc.property(inputs, fc.constantFrom('policy', 'call', 'switches'), (input, where) => {
        const policy = world.policyOf(input.rules) as Json;
        const asked = world.single(input.call.step, input.call.context) as Json;
        const broken = (one: Json, what: string): Json =>
          what === where ? replaced(one, input.at, input.by) : one;
        typed(() =>
          decide({
            policy: broken(policy, 'policy'),
            call: broken(asked, 'call') as JsonObject,
            switches: broken(input.switches, 'switches') as JsonObject[],
          }),
        );
      }),
      RUNS,
    );
  });

  test('texts that are cut, joined and turned', () => {
    const texts = fc.record({ rules: world.rules, call, at: fc.nat(600), to: fc.nat(600), put: fc.string() });
    fc.assert(
      fc.property(texts, ({ rules, call: { step, context }, at, to, put }) => {
        for (const value of [world.policyOf(rules), world.single(step, context)]) {
          const text = JSON.stringify(value);
          const bytes = Buffer.from(text.slice(0, at) + put + text.slice(to));
          typed(() => parsePolicy(bytes, 'p'));
          typed(() => parseIntent(bytes, 'c'));
        }
      }),
      RUNS,
    );
  });

  test('any JSON in the place of a state of switches', () => {
    fc.assert(
      fc.property(jsonValue(), (value) => void typed(() => readKillSwitches(value))),
      RUNS,
    );
  });
});
