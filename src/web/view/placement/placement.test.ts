import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listMeasures } from '../../../balance/index.js';
import { problemOf } from '../../../base/index.js';
import { createMemoryTree, placementFormats, readPlacementFrom } from '../../../formats/browser.js';
import { largestIn } from '../heat-map.js';
import { describeCurrent, describeLoads, findFacts } from './facts.js';
import { describeMaps, hottestExperts, listFigures, listLayers, mapLoads } from './figures.js';
import { asksForPart, problemOnPage, sayOnPage } from './page-words.js';
import { type CurrentPlacement, placeLoads, readLoadsAt } from './place-loads.js';
import { readPlacementSettings } from './settings.js';
import { bytesOf, readLoads, twoLayers } from './test-loads.js';

const recorded = readLoads(twoLayers);
const watch = { now: () => 0 };

function place(parameters: Record<string, string>, current?: CurrentPlacement, loads = recorded) {
  return placeLoads(loads, current, readPlacementSettings(parameters, findFacts(loads, current?.read)), watch);
}

function currentOf(content: unknown): CurrentPlacement {
  const tree = createMemoryTree([{ path: 'now.json', bytes: bytesOf(content) }]);
  return { name: 'now.json', read: readPlacementFrom(tree, 'now.json', { experts: 8 }) };
}

const problemOfPlacing = (parameters: Record<string, string>, current?: CurrentPlacement, loads = recorded) => {
  try {
    place(parameters, current, loads);
  } catch (error) {
    return problemOnPage(problemOf(error));
  }
  return assert.fail('nothing is wrong');
};

describe('what is known of loads', () => {
  it('is said in a line', () => {
    assert.equal(describeLoads(findFacts(recorded, undefined)), 'SGLang: 2 layers × 8 experts, 708 tokens');
    const domains = readLoads({ domains: { arxiv: [[1, 2]], book: [[3, 4]] } });
    assert.equal(
      describeLoads(findFacts(domains, undefined)),
      'JSON by domain: 2 domains (arxiv, book), 1 layer × 2 experts, 10 tokens',
    );
    assert.equal(describeLoads(findFacts(readLoads([[1, 2]]), undefined)), 'Table: 1 layer × 2 experts, 3 tokens');
    const now = currentOf({ physicalToLogical: [[0, 1, 2, 3, 4, 5, 6, 7]], slotStarts: [0, 4, 8] });
    assert.equal(describeCurrent(findFacts(recorded, now.read).current!), 'json: 1 layer, 8 slots on 2 GPUs');
  });

  it('has warm-up where a reader reports it, left out or not', () => {
    const content = { logical_count: [[[1, 1]], [[1, 1]], [[1, 1]], [[4, 2]]] };
    const tree = createMemoryTree([{ path: 'a.json', bytes: bytesOf(content) }]);
    for (const trimWarmup of [false, true]) {
      const facts = findFacts(readLoadsAt(tree, 'a.json', { part: '', trimWarmup, experts: undefined }), undefined);
      assert.deepEqual([facts.hasWarmup, facts.windows], [true, trimWarmup ? 1 : 4]);
    }
    assert.equal(findFacts(recorded, undefined).hasWarmup, false);
  });
});

describe('placing loads', () => {
  it('reads the part of a file that is named', () => {
    const tree = createMemoryTree([{ path: 'a.json', bytes: bytesOf({ kind: { a: [[1, 2, 3]] } }) }]);
    const read = (part: string) => readLoadsAt(tree, 'a.json', { part, trimWarmup: false, experts: undefined });
    assert.deepEqual([...read('kind').loads.counts], [1, 2, 3]);
    assert.throws(
      () => read(''),
      (error) => asksForPart(problemOf(error)) && asksForPart(problemOnPage(problemOf(error))),
    );
  });

  it('gives what threads can post, with a file of every engine that can hold it', () => {
    const placed = place({ gpus: '4', slots: '12' });
    assert.deepEqual(structuredClone(placed), placed);
    assert.deepEqual(Object.keys(placed.files), placementFormats);
    assert.ok(Object.values(placed.files).every((file) => 'text' in file && file.text.length > 0));
    // Two slots hold the same expert on a GPU, as there are more slots than experts: vLLM-Ascend cannot say so.
    const twice = place({ gpus: '1', slots: '9' });
    assert.ok('problem' in twice.files['vllm-ascend'] && 'text' in twice.files.sglang);
  });

  it('says in the words of the page what does not go together', () => {
    const now = (slots: number) =>
      currentOf({
        physicalToLogical: Array.from({ length: 2 }, () => Array.from({ length: slots }, (_, slot) => slot % 8)),
      });
    const layer = currentOf({ physicalToLogical: [[0, 1, 2, 3, 4, 5, 6, 7]] });
    const problems = [
      problemOfPlacing({ gpus: '8', slots: '9' }),
      problemOfPlacing({ gpus: '2', slots: '6' }),
      problemOfPlacing({ gpus: '4', slots: '12' }, now(8)),
      problemOfPlacing({ gpus: '4' }, { ...layer, read: { ...layer.read, layerNumbers: [7] } }),
      problemOfPlacing({ gpus: '4', policy: 'deepseek', exclude: '1' }),
      problemOfPlacing({ gpus: '4', slots: '8', nodes: '4', groups: '2', strategy: 'hierarchical' }),
      problemOfPlacing({ gpus: '4', slots: '8', nodes: '2', groups: '2', strategy: 'hierarchical', exclude: '0' }),
    ];
    for (const { what, mend = '' } of problems) {
      assert.ok(what.length > 0 && mend.length > 0);
      assert.doesNotMatch(what + mend, /--[a-z]/);
    }
    assert.deepEqual([problems[0]?.mend, problems[2]?.mend], ['use 16 slots', 'use 8 slots']);
  });
});

describe('what the page says of the first layer with experts', () => {
  it('asks for the first layer with experts by the name of its field, and goes on once it is given', () => {
    const loads = readLoads({ domains: { a: twoLayers.logical_count } });
    const rows = [7, 0, 1, 2, 3, 4, 5, 6].map((_, first) => [0, 1, 2, 3, 4, 5, 6, 7].map((slot) => (slot + first) % 8));
    const now = currentOf({ physical_to_logical_map: rows.slice(0, 3) });
    const { what, mend = '' } = problemOfPlacing({ gpus: '4', slots: '8' }, now, loads);
    assert.match(what, /the loads count only layers with experts \(0-1\), the placement counts all layers/);
    assert.match(mend, /^say under "First layer with experts" which is the model's first layer with experts: 1 brings/);
    const placed = place({ gpus: '4', slots: '8', offset: '1', moves: '0' }, now, loads);
    assert.deepEqual([...placed.solution.placement.physicalToLogical], [...rows.slice(1, 3).flat()]);
    assert.deepEqual(placed.notes, ['layer 0 of now.json is not in the loads: left out']);
    assert.deepEqual(placed.layerNumbers, [1, 2]);
    const other = problemOfPlacing({ gpus: '4', slots: '8', offset: '2' }, now, loads);
    assert.match(other.mend ?? '', /^say under "First layer with experts"/);
  });

  it('warns on the page, by the name of its field, that the offset of a file is unknown', () => {
    const loads = readLoads({ domains: { a: twoLayers.logical_count } });
    const notesOf = (parameters: Record<string, string>) => {
      const { sglang } = place({ gpus: '4', slots: '12', ...parameters }, undefined, loads).files;
      return 'notes' in sglang ? sglang.notes.map(sayOnPage) : assert.fail('no file');
    };
    assert.match(notesOf({})[0], /^warning: the layer offset is unknown.*"First layer with experts" 3 for DeepSeek-V3/);
    assert.deepEqual(notesOf({ offset: '0' }), []);
    for (const note of notesOf({})) assert.doesNotMatch(note, /--[a-z]/);
  });

  it('says in the words of the page what readers note', () => {
    const part = 'name the part of the file that holds the loads, as d/a.json#kind';
    assert.equal(sayOnPage(part), 'name the part of the file that holds the loads, such as kind');
    const quoted = "name the part of the file that holds the loads, as 'd/a.json#a b'";
    assert.equal(sayOnPage(quoted), 'name the part of the file that holds the loads, such as a b');
    const { notes } = readLoads({ 0: { 0: 5, 7: 1 } });
    assert.ok(
      notes.map(sayOnPage).every((note) => !note.includes('--')),
      notes.join(),
    );
    assert.equal(
      sayOnPage('the first 3 windows are the same: warm-up? --trim-warmup leaves them out'),
      'the first 3 windows are the same: warm-up? "Leave out warm-up" does without them',
    );
  });
});

describe('the figures of a placement', () => {
  const placed = place({ gpus: '4', slots: '12' });

  it('are loads over the mean of a layer, of which the largest is even or more', () => {
    const { before, after } = mapLoads(placed);
    assert.deepEqual([before.rows, before.columns, after.rows, after.columns], [2, 4, 2, 4]);
    // Experts in order: GPU 1 has half of the tokens of expert 3, and those of 4 and 5.
    assert.equal(before.values[4 + 1], (400 / 2 + 5 + 6) / (432 / 4));
    assert.ok(largestIn(before) >= largestIn(after) && largestIn(after) >= 1);
  });

  it('name the measures before and after, those of windows and nodes only where there are some', () => {
    const names = listMeasures([placed.solution.before, placed.solution.after]).map(({ name }) =>
      name.replace(/[,(].*/, '').trim(),
    );
    assert.deepEqual(names, ['balancedness', 'balancedness', 'imbalance', 'experts twice on a GPU']);
    const more = place(
      { gpus: '4', slots: '12', nodes: '2' },
      undefined,
      readLoads({ domains: { a: [[9, 1]], b: [[1, 3]] } }),
    );
    const rows = listMeasures([more.solution.before, more.solution.after]).map(({ name }) => name);
    assert.ok(rows.some((name) => name.includes('p50')) && rows.some((name) => name.includes('nodes')));
    const [balancedness, largest] = listFigures(placed.solution);
    assert.equal(balancedness.value, placed.solution.after.balancedness.ratioOfSums.toFixed(4));
    assert.match(largest.value, /^−\d/);
    assert.match(balancedness.note, /on the window it was placed by/);
    // Of several windows, each figure and the maps say which windows they are of.
    const { value } = more.solution.heldOut!.balancedness;
    for (const { name } of listFigures(more.solution)) assert.match(name, /on (other|its own) windows$/);
    const maps = describeMaps(more.solution);
    assert.ok(maps.includes(`${(1 / value).toFixed(2)}x the mean (balancedness ${value.toFixed(4)})`), maps);
  });

  it('hold each layer against its bound', () => {
    for (const [row, { layer, before, after, bound, gap }] of listLayers(placed).entries()) {
      assert.equal(layer, row);
      assert.ok(bound <= after && after <= before);
      assert.equal(gap === 0, placed.solution.after.maxGpuLoad[row] === placed.solution.lowerBound[row]);
    }
  });

  it('list the hottest experts with their replicas and where these lie', () => {
    const [first, ...rest] = hottestExperts(placed, 1, 3);
    assert.equal(rest.length, 2);
    assert.equal(first?.expert, 3);
    assert.equal(first.load, 400 / (432 / 8));
    assert.equal(first.loadOfReplica, first.load / first.replicas);
    assert.equal(first.gpus.length, first.replicas);
    const { physicalToLogical } = placed.solution.placement;
    for (const gpu of first.gpus)
      assert.ok(physicalToLogical.subarray(12 + 3 * gpu, 12 + 3 * gpu + 3).includes(3), `GPU ${gpu}`);
  });
});
