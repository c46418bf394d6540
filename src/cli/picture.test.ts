import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { generateSchedule } from '../schedule/index.js';
import { simulate, simulatedTimeline, unitCosts } from '../simulate/index.js';
import { drawPicture } from './picture.js';

const options = { toScreen: false, more: 'look there' };

test('a run that is too large for a timeline has a line that says so in place of its picture', () => {
  const timeline = () => {
    throw new InputError({ what: '3000000 actions are too many', mend: 'draw fewer' });
  };
  assert.equal(drawPicture(timeline, options), 'no picture: 3000000 actions are too many: draw fewer\n');
});

test('any other failure of a picture is not hidden', () => {
  const timeline = () => {
    throw new TypeError('a fault');
  };
  assert.throws(() => drawPicture(timeline, options), TypeError);
});

test('a picture without room for all numbers says how to see them, and keeps to its width', () => {
  const timelineOf = (microbatches: number) => () => {
    const schedule = generateSchedule({ name: '1f1b', ranks: 4, microbatches });
    return simulatedTimeline(schedule, simulate(schedule, unitCosts));
  };
  const long = drawPicture(timelineOf(64), options);
  assert.match(long, /\n160 columns do not hold all numbers: look there\n$/);
  for (const line of long.split('\n')) assert.ok(line.length <= 160, line);
  assert.doesNotMatch(drawPicture(timelineOf(8), options), /do not hold/);
});
