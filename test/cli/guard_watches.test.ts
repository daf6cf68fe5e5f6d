import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Watches } from '../../src/host/process/guard_watches.ts';
import fc from '../support/property.ts';

/** A guard that was told these lines at time 0. */
function told(...lines: readonly string[]): Watches {
  const watches = new Watches();
  for (const line of lines) watches.hear(line, 0);
  return watches;
}

describe('what a guard watches', () => {
  test('it says that it watches, and kills at the end, not before', () => {
    const watches = new Watches();
    assert.equal(watches.hear('watch 7 1000.5', 0), 'watching 7');
    assert.equal(watches.next(), 1000.5);
    assert.deepEqual(watches.due(1000.499), []);
    assert.deepEqual(watches.due(1000.5), [7]);
    assert.deepEqual([watches.due(9999), watches.next()], [[], Number.POSITIVE_INFINITY]);
  });

  test('the last end that it was told counts, also one that is sooner', () => {
    assert.deepEqual(told('watch 7 1000', 'beat 7 3000').due(2999), []);
    assert.deepEqual(told('watch 7 1000', 'beat 7 500').due(500), [7]);
  });

  test('a group whose time was over when it came is never said to be watched', () => {
    const watches = new Watches();
    assert.equal(watches.hear('watch 7 1000', 1000), undefined);
    assert.deepEqual(watches.due(1000), [7]);
  });

  test('it tells whether it killed a group that is done, once', () => {
    const watches = told('watch 7 1000', 'watch 8 5000');
    watches.due(1000);
    assert.equal(watches.hear('done 7', 1001), 'over 7 killed');
    assert.equal(watches.hear('done 8', 1001), 'over 8 left');
    assert.equal(watches.hear('done 7', 1002), 'over 7 left');
    assert.deepEqual(watches.all(), []);
  });

  test('a beat brings back nothing that was killed, or is done, or was never watched', () => {
    const watches = told('watch 7 1000', 'watch 8 1000');
    watches.hear('done 8', 0);
    watches.due(1000);
    for (const group of [7, 8, 9]) assert.equal(watches.hear(`beat ${group} 9000`, 1001), undefined);
    assert.deepEqual(watches.all(), []);
    assert.equal(watches.hear('done 7', 1002), 'over 7 killed');
  });

  test('once nobody speaks to it any more, all are to be killed', () => {
    assert.deepEqual(told('watch 7 1000', 'watch 8 86400000').all(), [7, 8]);
  });

  const UNREADABLE = [
    '',
    'watch',
    'watch 7',
    'watch 7 x',
    'watch 7 1e9',
    'watch -7 9',
    'watch 7.5 9',
    'look 7 9',
  ];
  for (const line of [...UNREADABLE, 'watch 0 9', 'watch 1 9', 'watch 07 9', 'watch 7 9 9', ' watch 7 9']) {
    test(`"${line}" is not answered, and watches nothing`, () => {
      const watches = new Watches();
      assert.equal(watches.hear(line, 0), undefined);
      assert.deepEqual(watches.all(), []);
    });
  }

  test('whatever it is told, and however late it looks: each group lives until the end that was told last, and no longer', () => {
    const group = fc.integer({ min: 2, max: 5 });
    const word = fc.constantFrom('watch', 'beat', 'done', 'look');
    const steps = fc.array(fc.record({ word, group, ms: fc.nat(50), passes: fc.nat(20) }), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (all) => {
        const watches = new Watches();
        const ends = new Map<number, number>();
        let now = 0;
        for (const { word, group, ms, passes } of all) {
          now += passes;
          if (word === 'watch' || (word === 'beat' && ends.has(group))) ends.set(group, now + ms);
          if (word === 'done') ends.delete(group);
          if (word !== 'look')
            watches.hear(word === 'done' ? `done ${group}` : `${word} ${group} ${now + ms}`, now);
          else {
            const due = [...ends].filter(([, end]) => end <= now).map(([one]) => one);
            assert.deepEqual(watches.due(now).sort(), due.sort());
            for (const one of due) ends.delete(one);
          }
        }
        assert.equal(watches.next(), Math.min(...ends.values()));
      }),
    );
  });
});
