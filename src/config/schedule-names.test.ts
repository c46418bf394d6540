import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findScheduleName, readScheduleName, scheduleNames } from './schedule-names.js';

test('a schedule is known by its name in any case, and by the names of PyTorch and torchtitan', () => {
  for (const name of scheduleNames) {
    for (const written of [name, name.toUpperCase(), ` ${name.replace('-', '_')} `, name.replace('-', '')])
      assert.equal(findScheduleName(written), name, written);
  }
  const others = {
    GPipe: 'gpipe',
    ScheduleGPipe: 'gpipe',
    Schedule1F1B: '1f1b',
    Interleaved1F1B: 'interleaved',
    'interleaved-1f1b': 'interleaved',
    ScheduleInterleaved1F1B: 'interleaved',
    ZBVZeroBubble: 'zb-v',
    ZBV: 'zb-v',
    'ZB-H1': 'zb-h1',
    ZB1P: 'zb-h1',
    DualPipe: 'dualpipe',
    DualPipeV: 'dualpipev',
    ScheduleDualPipeV: 'dualpipev',
  };
  for (const [written, name] of Object.entries(others)) assert.equal(findScheduleName(written), name, written);
  assert.equal(readScheduleName('AUTO', ['auto']), 'auto');
});

test('a schedule that is not made here is refused with the nearest, another name with all of them', () => {
  const refusals: [string, readonly 'auto'[], RegExp][] = [
    [
      'InterleavedZeroBubble',
      [],
      /no schedule "InterleavedZeroBubble": with one stage a rank it is zb-h1; with several/,
    ],
    ['LoopedBFS', ['auto'], /no schedule "LoopedBFS": the nearest are gpipe, .* interleaved/],
    [
      '2f2b',
      ['auto'],
      /no schedule "2f2b": use one of gpipe, 1f1b, interleaved, zb-h1, zb-v, dualpipe, dualpipev, auto$/,
    ],
    ['auto', [], /no schedule "auto": use one of gpipe, .*, dualpipev$/],
    ['constructor', [], /use one of gpipe/],
    ['', [], /no schedule "": use one of/],
  ];
  for (const [name, more, message] of refusals) assert.throws(() => readScheduleName(name, more), message, name);
});
