import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Action, parseAction } from './action.js';
import { checkSchedule } from './check.js';
import { generateSchedule } from './generators/generate.js';
import type { Schedule } from './schedule.js';

const good = generateSchedule({ name: '1f1b', ranks: 2, microbatches: 2 });

/** Two ranks, a stage each, with the actions of the text. */
function scheduleOf(...rows: string[]): Schedule {
  return { ...good, actions: rows.map((row) => row.split(' ').map((text) => parseAction(text))) };
}

function codesOf(schedule: Schedule): string[] {
  return checkSchedule(schedule).map(({ code, rank, position }) => `${code} ${rank}/${position}`);
}

test('a schedule that can run has no issues', () => {
  assert.deepEqual(codesOf(scheduleOf('0F0 0F1 0B0 0B1', '1F0 1B0 1F1 1I1 1W1')), []);
});

test('every rule finds its fault, at its place', () => {
  const cases: [string, string, string[]][] = [
    ['0F0 0F1 0B0 0B1 0F9', '1F0 1B0 1F1 1B1', ['range 0/4']],
    ['0F0 0F1 0B0 0B1 1F0', '1B0 1F1 1B1', ['rank 0/4']],
    ['0F0 0F1 0F1 0B0 0B1', '1F0 1B0 1F1 1B1', ['duplicate 0/2']],
    ['0F0 0F1 0B0', '1F0 1B0 1F1 1B1', ['missing 0/null']],
    ['0F0 0F1 0B0 0B1', '1F0 1B0 1B1', ['missing 1/null']],
    ['0F0 0F1 0B0 0I1', '1F0 1B0 1F1 1B1', ['missing 0/null']],
    ['0F0 0F1 0B0 0W1', '1F0 1B0 1F1 1B1', ['missing 0/null']],
    ['0F0 0F1 0B0 0B1 0W1', '1F0 1B0 1F1 1B1', ['split 0/4']],
    ['0F0 0B0 0B1 0F1', '1F0 1B0 1F1 1B1', ['order 0/2']],
    ['0F0 0F1 0B0 0W1 0I1', '1F0 1B0 1F1 1B1', ['order 0/3']],
    ['(0F0;0B0)OVERLAP_F_B 0F1 0B1', '1F0 1B0 1F1 1B1', ['order 0/0']],
  ];
  for (const [first, second, expected] of cases) assert.deepEqual(codesOf(scheduleOf(first, second)), expected, first);
});

test('ranks that wait for each other are a deadlock, told with what each waits for', () => {
  const issues = checkSchedule(scheduleOf('0F0 0B0 0F1 0B1', '1F0 1F1 1B0 1B1'));
  assert.deepEqual(issues, [
    {
      code: 'deadlock',
      rank: 0,
      position: 1,
      message: '0B0 waits for ever for the backward of microbatch 0 on stage 1, which rank 1 does not reach',
    },
    {
      code: 'deadlock',
      rank: 1,
      position: 1,
      message: '1F1 waits for ever for the forward of microbatch 1 on stage 0, which rank 0 does not reach',
    },
  ]);
});

test('all problems come out at once, and a missing action is not told a second time as a deadlock', () => {
  assert.deepEqual(codesOf(scheduleOf('0F0 0F0 0B0 0B0', '1F0 1F1 1B0 1B1')), [
    'duplicate 0/1',
    'duplicate 0/3',
    'missing 0/null',
    'missing 0/null',
  ]);
});

test('missing microbatches are told in one message a stage', () => {
  const empty: Schedule = { ...generateSchedule({ name: 'gpipe', ranks: 1, microbatches: 5 }), actions: [[]] };
  const some = { ...empty, actions: [[parseAction('0F3'), parseAction('0B3')]] };
  assert.deepEqual(
    checkSchedule(some).map(({ message }) => message),
    ['stage 0 has no forward of microbatch 0-2, 4', 'stage 0 has no backward of microbatch 0-2, 4'],
  );
});

test('parts of a schedule that do not fit together are told before the actions are looked at', () => {
  const shapes: Partial<Schedule>[] = [
    { ranks: 3 },
    { ranks: 0 },
    { microbatches: 1.5 },
    { microbatches: Number.NaN },
    { pipelines: [] },
    { pipelines: [[0, 0]] },
    { pipelines: [[0, 1, 2]] },
    { stageToRank: [0, 5] },
    { pipelines: [[0], [1]], microbatches: 3 },
    { microbatches: 2 ** 40 },
  ];
  for (const shape of shapes) {
    const issues = checkSchedule({ ...good, ...shape });
    assert.ok(issues.length > 0, JSON.stringify(shape));
    assert.ok(issues.every(({ code }) => code === 'shape'));
  }
});

test('an action outside the schedule does not keep the other rules from being looked at', () => {
  const odd = { kind: 'forward', stage: 0.5, microbatch: -1 } satisfies Action;
  const first = good.actions[0] as readonly Action[];
  const schedule: Schedule = { ...good, actions: [[odd, ...first.slice(1)], good.actions[1] as readonly Action[]] };
  assert.deepEqual(codesOf(schedule), ['range 0/0', 'missing 0/null']);
});

test('a cap of live activations is held against each rank, at the action that goes over it', () => {
  const schedule = generateSchedule({ name: '1f1b', ranks: 3, microbatches: 6 });
  assert.deepEqual(checkSchedule(schedule, { activationCap: 3 }), []);
  assert.deepEqual(checkSchedule(schedule, { activationCap: 2 }), [
    { code: 'activations', rank: 0, position: 2, message: '0F2 makes 3 activations alive, more than 2' },
  ]);
  const split = scheduleOf('0F0 0F1 0I0 0W0 0B1', '1F0 1I0 1F1 1W0 1B1');
  assert.deepEqual(
    checkSchedule(split, { activationCap: 1 }).map(({ rank, position }) => [rank, position]),
    [
      [0, 1],
      [1, 2],
    ],
  );
});
