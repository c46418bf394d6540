import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { InputError } from '../base/index.js';
import type { StepRecord } from '../simulate/index.js';
import { readStepRecord, writeStepRecord } from './index.js';

let file = '';
before(() => {
  file = join(mkdtempSync(join(tmpdir(), 'step-record-')), 'step.json');
});
after(() => rmSync(join(file, '..'), { recursive: true }));

const record: StepRecord = {
  version: 1,
  schedule: { name: '1f1b', ranks: 2, microbatches: 4 },
  expert: 2,
  overlap: false,
  transport: 'mpi',
  emulatedBytesPerSecond: 12.5e6,
  layers: [
    { first: 0, end: 1 },
    { first: 1, end: 2 },
  ],
  steps: 20,
  stepSeconds: 0.5,
  tailSeconds: 0.01,
  message: { sendSeconds: 1e-5, transferSeconds: 2e-5, receiveSeconds: 3e-5 },
  parts: [
    {
      part: 'embed',
      layer: 0,
      forward: [{ name: 'embed', phase: 'forward', lane: 'compute', seconds: [1, 2] }],
      backward: [],
    },
    {
      part: 'layer',
      layer: 0,
      forward: [
        {
          name: 'dispatch',
          phase: 'forward',
          lane: 'communication',
          seconds: [1, 2],
          transferSeconds: [3, 4],
          unpackSeconds: [5, 6],
        },
      ],
      backward: [{ name: 'experts', phase: 'backwardWeight', lane: 'compute', seconds: [0, 0.25] }],
    },
    { part: 'layer', layer: 1, forward: [], backward: [] },
    { part: 'head', layer: 2, forward: [], backward: [] },
  ],
};

test('a record is read as it was written', async () => {
  await writeStepRecord(file, record);
  assert.deepEqual(readStepRecord(file), record);
});

/** A copy with the value at a path of keys replaced, or left out. */
function change(value: unknown, [key, ...rest]: readonly (string | number)[], to: unknown): unknown {
  if (key === undefined) return to;
  const copy: unknown = Array.isArray(value) ? [...value] : { ...(value as object) };
  const table = copy as Record<string | number, unknown>;
  table[key] = change(table[key], rest, to);
  return copy;
}

test('a record that is wrong is refused with file, key and what to use', () => {
  const segment = ['parts', 1, 'forward', 0];
  const wrong: [(string | number)[], unknown, RegExp][] = [
    [[], [], /it is a list of 0 \(.*step\.json\)/],
    [['version'], 2, /version is 2 \(.*step\.json, version\): use 1, or the doubletrack that wrote it/],
    [['schedule'], undefined, /schedule is missing/],
    [['schedule', 'name'], '\u001b[2J', /name is "\\u001b\[2J" \(.*schedule\.name\)/],
    [['schedule', 'ranks'], 1e9, /ranks is 1000000000 .*: use a whole number from 1 to 4096/],
    [['expert'], 1.5, /expert is 1.5/],
    [['overlap'], 'on', /overlap is "on" .*use true or false/],
    [['transport'], 'tcp', /transport is "tcp" .*use threads or mpi/],
    [['emulatedBytesPerSecond'], -1, /emulatedBytesPerSecond is -1/],
    [['layers'], [], /layers is a list of 0 /],
    [['layers', 1, 'first'], 2, /first is 2 .*layers\.1\.first\): use 1/],
    [['layers', 1, 'end'], 1, /end is 1 .*use more than 1/],
    [['steps'], 0, /steps is 0/],
    [['stepSeconds'], '1', /stepSeconds is "1"/],
    [['tailSeconds'], 1e300, /tailSeconds is 1e\+300/],
    [['message', 'sendSeconds'], null, /sendSeconds is null/],
    [['parts', 1, 'part'], 'layers', /part is "layers" .*use embed or layer or head/],
    [['parts', 1, 'layer'], 2, /layer is 2 .*parts\.1\.layer/],
    [['parts', 2, 'layer'], 0, /times of 2 layers, not in order .*parts\): give layers 0 to 1/],
    [['parts', 3, 'layer'], 1, /layer is 1 /],
    [['parts', 2], record.parts[3], /not in order/],
    [['parts'], record.parts.slice(0, 2), /times of 1 layers .*give layers 0 to 1/],
    [[...segment, 'name'], 'a'.repeat(41), /name is "a+" .*use up to 40/],
    [[...segment, 'phase'], 'backwardInput', /phase is "backwardInput" .*use forward/],
    [[...segment, 'lane'], 'link', /lane is "link"/],
    [[...segment, 'seconds'], [1], /it has 1 times .*forward\.0\.seconds\): give one an expert rank, which are 2/],
    [[...segment, 'transferSeconds'], undefined, /transferSeconds is missing/],
    [[...segment, 'unpackSeconds', 1], 'x', /1 is "x" .*unpackSeconds\.1/],
  ];
  for (const [path, value, message] of wrong) {
    writeFileSync(file, JSON.stringify(change(record, path, value)));
    const expected = (error: unknown) => {
      assert.ok(error instanceof InputError, `${path.join('.')} is not refused as input`);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    };
    assert.throws(() => readStepRecord(file), expected);
  }
});
