import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drawScheduleSvg } from '../../../draw/index.js';
import { formatCsv, formatLoweredCsv, formatTrace, generateSchedule, lowerSchedule } from '../../../schedule/index.js';
import { simulatedTimeline } from '../../../simulate/index.js';
import { exportPicture } from './export-picture.js';
import { openSchedule } from './open-schedule.js';
import { tryPicture } from './picture.js';
import { defaultSchedulesState } from './state.js';

const schedule = generateSchedule({ name: 'dualpipev', ranks: 4, microbatches: 8 });

describe('a picture that is taken along', () => {
  const { picture } = tryPicture({ schedule }, defaultSchedulesState.times);
  assert.ok(picture !== undefined);

  it('is what the command line writes too', () => {
    assert.equal(exportPicture(picture, 'csv').text, formatCsv(schedule));
    const timeline = simulatedTimeline(schedule, picture.simulation);
    assert.equal(exportPicture(picture, 'trace').text, formatTrace(timeline));
    const bubble = (100 * picture.simulation.bubble).toFixed(2);
    const title = `dualpipev: 4 ranks, 8 stages, 8 microbatches; bubble ${bubble}%`;
    assert.equal(exportPicture(picture, 'svg').text, drawScheduleSvg(timeline, title));
  });

  it('has a name that any system takes', () => {
    const name = (own: string) => exportPicture({ ...picture, name: own }, 'svg').name;
    assert.equal(name('dualpipev'), 'dualpipev-4x8.svg');
    assert.equal(name('interleaved v=2'), 'interleaved-v-2-4x8.svg');
    assert.equal(exportPicture(picture, 'trace').name, 'dualpipev-4x8.trace.json');
  });
});

describe('a schedule file', () => {
  it('is read with and without its communication', () => {
    for (const text of [formatCsv(schedule), formatLoweredCsv(lowerSchedule(schedule))]) {
      const opened = openSchedule(text, 'mine.csv');
      assert.equal(opened.name, 'mine');
      assert.deepEqual(opened.actions, schedule.actions);
    }
  });

  it('that is none is refused, with row and cell', () => {
    assert.throws(() => openSchedule('0F0,hello\r\n', 'bad.csv'), /bad\.csv, row 1, cell 2/);
  });

  it('that cannot run is refused, with the first of its problems and how many there are', () => {
    assert.throws(
      () => openSchedule('0B0,0F0\r\n', 'bad.csv'),
      /^WorkError: the schedule cannot run: .*bad\.csv, rank 0/,
    );
    assert.throws(() => openSchedule('0F0,0F0,0B1,0B1\r\n', 'bad.csv'), /and \d more problems/);
  });

  it('that is more than the page shows is refused before it is looked at', () => {
    assert.throws(() => openSchedule('0F200000', 'long.csv'), /200001 chunks are too many for the page/);
    assert.throws(
      () => openSchedule(`${'0F0,'.repeat(400_000)}0B0`, 'long.csv'),
      /400001 actions are too many for the page/,
    );
  });
});
