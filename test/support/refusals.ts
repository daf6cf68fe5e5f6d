import assert from 'node:assert/strict';
import { type ErrorCategory, GaitError } from '../../src/core/errors.ts';

/** Matcher for `assert.throws` and `assert.rejects`: a GaitError of this code, and of this category if given. */
export function gaitError(code: string, category?: ErrorCategory): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof GaitError, `not a GaitError: ${String(error)}`);
    const { message } = error;
    assert.equal(error.code, code, message);
    if (category !== undefined) assert.equal(error.category, category, message);
    return true;
  };
}
