import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatRoute, parseRoute, viewNames } from './route.js';

describe('the route of the page', () => {
  it('is the first view where the address names none that is known', () => {
    for (const hash of ['', '#', '#/']) assert.deepEqual(parseRoute(hash), { view: 'run', parameters: {} });
    for (const [hash, unknown] of [
      ['#/nothing?x=1', 'nothing'],
      ['#//run', '/run'],
    ] as const)
      assert.deepEqual(parseRoute(hash), { view: 'run', parameters: {}, unknown });
  });

  it('comes back whole from its address, whatever the parameters hold', () => {
    const parameters = fc.dictionary(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }));
    fc.assert(
      fc.property(fc.constantFrom(...viewNames), parameters, (view, values) => {
        const own = { view, parameters: { ...values } };
        assert.deepEqual(parseRoute(formatRoute(own)), own);
      }),
    );
  });

  it('has one address, whatever the order in which things were chosen', () => {
    const one = formatRoute({ view: 'planner', parameters: { b: '2', a: '1', none: '' } });
    assert.equal(one, formatRoute({ view: 'planner', parameters: { a: '1', b: '2' } }));
    assert.equal(one, '#/planner?a=1&b=2');
  });
});
