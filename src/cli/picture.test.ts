import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { drawPicture } from './picture.js';

const options = { color: false, width: 80 };

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
