import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../../../base/index.js';
import { searchLayouts } from '../../../plan/index.js';
import { scheduleNames } from '../../../schedule/index.js';
import { formatRoute, parseRoute } from '../route.js';
import { tryPicture } from '../schedules/picture.js';
import { readSchedulesState } from '../schedules/route.js';
import { type PlannerFile, type PlannerSources, readPlannerFiles } from './files.js';
import { memoryShares, nameFields, rejectionRows, showFound, stepShares } from './found.js';
import {
  defaultPlannerState,
  type PlannerState,
  plannerLimits,
  plannerParameters,
  readPlannerState,
  requestOf,
} from './state.js';

const file = (name: string): PlannerFile => ({ name, text: readFileSync(`configs/${name}`, 'utf8') });
const [model, cluster, calibration] = [
  file('deepseek-v3.json'),
  file('h800-2048.toml'),
  file('h800-2048.calibration.toml'),
];
const example = [model, cluster, calibration];
const read = (given: PlannerSources['given'], isCalibrated = true) =>
  readPlannerFiles({ example, given, isCalibrated });

describe('the address of the view Planner', () => {
  const count = fc.option(fc.integer({ min: 1, max: plannerLimits.count }), { nil: undefined });
  const someState: fc.Arbitrary<PlannerState> = fc
    .record({
      sequencesPerStep: fc.integer({ min: 1, max: plannerLimits.sequencesPerStep }),
      sequenceLength: fc.integer({ min: 1, max: plannerLimits.sequenceLength }),
      schedule: fc.constantFrom(undefined, ...scheduleNames),
      pipeline: count,
      expert: count,
      microbatchSize: count,
      isCalibrated: fc.boolean(),
      top: fc.integer({ min: 1, max: plannerLimits.top }),
      chosen: fc.nat(),
    })
    .map((state) => ({ ...state, chosen: 1 + (state.chosen % state.top) }));

  it('says all that is chosen, and nothing of what is as it was', () => {
    fc.assert(
      fc.property(someState, (state) => {
        const address = formatRoute({ view: 'planner', parameters: plannerParameters(state) });
        assert.deepEqual(readPlannerState(parseRoute(address).parameters), state);
      }),
    );
    assert.equal(formatRoute({ view: 'planner', parameters: plannerParameters(defaultPlannerState) }), '#/planner');
  });

  it('keeps what is right of a bad one', () => {
    const bad = {
      sequences: '0',
      length: 'x',
      schedule: 'none',
      pipeline: '-1',
      expert: '1.5',
      plans: '99',
      plan: '11',
    };
    assert.deepEqual(readPlannerState(bad), defaultPlannerState);
    assert.equal(readPlannerState({ ...bad, microbatch: '2' }).microbatchSize, 2);
  });

  it("takes a schedule's name in any case, and PyTorch's", () => {
    assert.equal(readPlannerState({ schedule: '1F1B' }).schedule, '1f1b');
    assert.equal(readPlannerState({ schedule: 'ScheduleDualPipeV' }).schedule, 'dualpipev');
  });

  it('of all that is searched asks for nothing but the step', () => {
    assert.deepEqual(requestOf(defaultPlannerState), { sequencesPerStep: 15_360, sequenceLength: 4096 });
    assert.deepEqual(requestOf({ ...defaultPlannerState, schedule: 'zb-v', expert: 8 }), {
      sequencesPerStep: 15_360,
      sequenceLength: 4096,
      schedule: 'zb-v',
      expert: 8,
    });
  });
});

describe('the files of the view Planner', () => {
  const small = {
    name: 'config.json',
    text: model.text.replace('"num_hidden_layers": 61', '"num_hidden_layers": 30'),
  };
  const half = { name: 'half.toml', text: cluster.text.replace('count = 256', 'count = 128') };
  const slow = {
    name: 'slow.toml',
    text: calibration.text.replace('overlapped_seconds = 13.95', 'overlapped_seconds = 27.9'),
  };

  it('are those of the example until somebody gives others', () => {
    const { modelFile, clusterFile, calibrationFile, basis } = read([]);
    assert.deepEqual(
      [modelFile, clusterFile, calibrationFile],
      ['deepseek-v3.json', 'h800-2048.toml', 'h800-2048.calibration.toml'],
    );
    assert.equal(basis.cluster.nodes.count, 256);
    assert.equal(read([], false).calibrationFile, 'none');
  });

  it('take a model, a cluster and a measured step each for what it is, whatever comes first', () => {
    const before = read([]).basis;
    for (const given of [
      [small, half, slow],
      [slow, half, small],
    ]) {
      const { basis, modelFile, clusterFile, calibrationFile } = read(given);
      assert.deepEqual([modelFile, clusterFile, calibrationFile], ['config.json', 'half.toml', 'slow.toml']);
      assert.equal(basis.model.sizes.numHiddenLayers, 30);
      assert.equal(basis.cluster.nodes.count, 128);
      assert.ok(Math.abs(basis.calibration.overlapped / before.calibration.overlapped - 2) < 1e-9);
    }
  });

  it('plan for the last model that no other file names', () => {
    const profiled = { name: 'profiled.json', text: model.text };
    const own = { name: 'own.toml', text: half.text.replace('"deepseek-v3.json"', '"models/profiled.json"') };
    assert.equal(read([small, profiled, own]).modelFile, 'config.json');
    assert.equal(read([profiled, own]).modelFile, 'profiled.json');
    assert.equal(read([small, { ...small, name: 'other.json' }]).modelFile, 'other.json');
  });

  const bad: readonly [what: string, given: readonly PlannerFile[], message: RegExp][] = [
    ['a model that is no JSON', [{ name: 'config.json', text: '{"hidden_size": ' }], /no valid JSON.*config\.json/],
    ['a JSON file that is no model', [{ name: 'config.json', text: '[]' }], /config\.json/],
    ['a cluster that is no TOML', [{ name: 'own.toml', text: '[nodes\ncount = 1' }], /own\.toml, line 1/],
    ['a cluster that lacks a key', [{ name: 'own.toml', text: half.text.replace('count = 128', '') }], /count/],
    ['another kind of file', [{ name: 'loads.csv', text: '1,2' }], /loads\.csv is neither JSON nor TOML/],
    [
      'a cluster that names a model which is not there',
      [{ ...half, text: half.text.replace('"deepseek-v3.json"', '"../other.json"') }],
      /there is no file other\.json/,
    ],
  ];
  for (const [what, given, message] of bad) {
    it(`refuse ${what} with its name`, () => {
      assert.throws(() => read(given), InputError);
      assert.throws(() => read(given), message);
    });
  }
});

describe('what the view Planner shows of a search', () => {
  const basis = read([]);
  const request = { sequencesPerStep: 15_360, sequenceLength: 4096 };
  const found = (['dualpipe', 'dualpipev', '1f1b', 'interleaved'] as const).flatMap((schedule) => {
    const narrowed = { ...request, schedule, ...(schedule !== 'interleaved' && { pipeline: 16 }), expert: 32 };
    return [showFound({ ...basis, request: narrowed, result: searchLayouts(basis.basis, narrowed) })];
  });
  const plans = found.flatMap((one) => one.plans);

  it('opens in Schedules as what was predicted: the step but for what follows the schedule', () => {
    const names = new Set(plans.map(({ plan }) => plan.schedule));
    assert.deepEqual([...names], ['dualpipe', 'dualpipev', '1f1b', 'interleaved']);
    for (const { plan, address = '' } of plans) {
      const { view, parameters } = parseRoute(address);
      assert.equal(view, 'schedules');
      const { first, ranks, microbatches, times, second } = readSchedulesState(parameters);
      assert.equal(second, undefined);
      const { picture } = tryPicture({ chosen: first, counts: { ranks, microbatches } }, times);
      const { reduce, optimizer } = plan.breakdown;
      const makespan = picture?.simulation.makespan ?? 0;
      assert.ok(
        Math.abs(makespan / (plan.stepSeconds - reduce - optimizer) - 1) < 1e-6,
        `${plan.schedule} ${makespan}`,
      );
    }
  });

  it('has addresses that a browser takes', () => {
    for (const { address = '' } of plans) assert.ok(address.length < 4000, `${address.length}`);
  });

  it('has no address for what is too long to draw', () => {
    const [{ plans: own }] = found as [(typeof found)[0]];
    const plan = { ...own[0]!.plan, microbatches: 5000 };
    const result = { plans: [plan], rejected: found[0]!.rejected, leastMissedBytes: 0, leastChunkBytes: 0 };
    assert.equal(showFound({ ...basis, request, result }).plans[0]!.address, undefined);
  });

  it('splits the step and the memory of a GPU without a rest', () => {
    for (const { plan } of plans) {
      for (const shares of [stepShares(plan), memoryShares(plan, found[0]!.gpuBytes)]) {
        const sum = shares.reduce((total, { share }) => total + share, 0);
        assert.ok(Math.abs(sum - 1) < 1e-9);
        assert.ok(shares.every(({ share }) => share >= 0));
      }
    }
  });

  it('says why layouts were left out, the most frequent first, and nothing of what did not occur', () => {
    const rows = rejectionRows({ divisibility: 3, layers: 0, limits: 7, size: 0, memory: 1 });
    assert.deepEqual(
      rows.map(({ layouts }) => layouts),
      [7, 3, 1],
    );
  });

  it('calls its fields by the names that stand beside them', () => {
    assert.equal(nameFields('use a smaller --pipeline: 62 layers'), 'use a smaller “Pipeline ranks”: 62 layers');
    assert.equal(nameFields('or plan with --calibration none'), 'or plan with “Calibration” switched off');
    assert.equal(nameFields('use --other'), 'use --other');
  });
});
