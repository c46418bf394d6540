import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { InputError } from '../base/index.js';
import { formatTrace } from '../schedule/index.js';
import { readProfilerTrace } from './index.js';

const published = 'test/fixtures/deepseek-v3-train-h800.json.gz';

/** What was once counted in the published trace, a row an operation and stream. */
interface Digest {
  readonly total_us: number;
  readonly ops: readonly {
    readonly op: string;
    readonly layer: number;
    readonly stream: 'compute' | 'compute-2' | 'comm';
    readonly start_us: number;
    readonly end_us: number;
    readonly busy_us: number;
    readonly kernels: number;
  }[];
}

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'trace-'));
});
after(() => rmSync(folder, { recursive: true }));

function readText(text: string | Uint8Array) {
  const file = join(folder, 'trace.json');
  writeFileSync(file, text);
  return readProfilerTrace(file);
}

const mark = (name: string, ts: number, dur = 10) => ({
  ph: 'X',
  cat: 'user_annotation',
  name,
  pid: 1,
  tid: 1,
  ts,
  dur,
});
const launch = (correlation: number, ts: number) => ({
  ph: 'X',
  cat: 'cuda_runtime',
  name: 'cudaLaunchKernel',
  pid: 1,
  tid: 2,
  ts,
  dur: 1,
  args: { correlation },
});
const kernel = (correlation: number, ts: number, dur: number, stream = 7, name = 'gemm') => ({
  ph: 'X',
  cat: 'kernel',
  name,
  pid: 0,
  tid: stream,
  ts,
  dur,
  args: { device: 0, stream, correlation, grid: [4, 1, 1] },
});

/** attn(F), then mlp(B) with two kernels on one stream and one on another, the first two at a time. */
const small = [
  mark('ProfilerStep#1', 0, 100),
  mark('attn(F)', 0),
  launch(1, 5),
  kernel(1, 100, 50),
  mark('mlp(B)', 20),
  launch(2, 21),
  launch(3, 22),
  launch(4, 23),
  kernel(2, 150, 20),
  kernel(3, 160, 20, 23),
  kernel(4, 190, 10),
  launch(5, 50),
  kernel(5, 300, 10),
];
const write = (events: readonly unknown[], more = {}) => JSON.stringify({ traceEvents: events, ...more });

test("the published trace has the digest's operations: names, layers, streams, times and kernels", () => {
  const digest = JSON.parse(readFileSync('test/fixtures/deepseek-v3-train-h800.ops.json', 'utf8')) as Digest;
  const { seconds, operations, totalSms, communicationSms } = readProfilerTrace(published);
  const streamNames: Record<number, string> = { 7: 'compute', 23: 'compute-2', 27: 'comm' };
  const microseconds = (time: number) => Math.round(time * 1e6);
  const rows = operations.flatMap(({ operation, layer, streams }) =>
    streams.map((one) => ({
      op: operation,
      layer,
      stream: streamNames[one.stream],
      start_us: microseconds(one.startSeconds),
      end_us: microseconds(one.endSeconds),
      kernels: one.kernels,
    })),
  );
  const sorted = (list: readonly { op: string; layer: number; stream?: string | undefined }[]) =>
    list.toSorted((a, b) => (`${a.op} ${a.layer} ${a.stream}` < `${b.op} ${b.layer} ${b.stream}` ? -1 : 1));
  assert.deepEqual(sorted(rows), sorted(digest.ops.map(({ busy_us: _, ...row }) => row)));
  assert.equal(microseconds(seconds), digest.total_us);
  assert.deepEqual([totalSms, communicationSms], [132, 20]);
  // The digest counts kernels alone; copies and fills add up to 20 us.
  for (const { op, layer, stream, busy_us } of digest.ops) {
    const own = operations.find((one) => one.operation === op && one.layer === layer)?.streams;
    const busy = own?.find((one) => streamNames[one.stream] === stream)?.busySeconds ?? Number.NaN;
    assert.ok(microseconds(busy) >= busy_us && microseconds(busy) <= busy_us + 20, `${op} ${layer}: ${busy}`);
  }
});

test('an operation lasts until its work is done on all streams, and what two do at a time counts once', () => {
  const { operations, seconds } = readText(write(small));
  const [attention, experts] = operations;
  assert.deepEqual(
    [attention.lane, attention.name, attention.phase, attention.chunk],
    ['compute', 'attention', 'forward', 0],
  );
  assert.deepEqual(
    [experts.startSeconds, experts.endSeconds, experts.busySeconds].map((time) => Math.round(time * 1e6)),
    [50, 100, 40],
  );
  assert.deepEqual(
    experts.streams.map(({ stream, kernels }) => [stream, kernels]),
    [
      [7, 2],
      [23, 1],
    ],
  );
  // What was launched outside of any operation is not the chunk's.
  assert.equal(Math.round(seconds * 1e6), 100);
});

test('the time in which exchanges agree with other ranks is told apart, and the SMs they have are their thread blocks', () => {
  const events = [
    ...small,
    mark('dispatch(F)', 60),
    launch(6, 61),
    launch(7, 62),
    kernel(6, 200, 30, 27, 'notify_dispatch<8>'),
    kernel(7, 230, 100, 27, 'dispatch<8>'),
  ];
  const trace = readText(write(events, { deviceProperties: [{ id: 0, numSms: 8 }] }));
  const exchange = trace.operations.find(({ operation }) => operation === 'dispatch(F)');
  assert.equal(Math.round((exchange?.notifySeconds ?? 0) * 1e6), 30);
  assert.deepEqual([trace.totalSms, trace.communicationSms], [8, 4]);
  assert.equal(readText(write(events)).communicationSms, undefined);
});

test('a bare list of events and a gzipped file are read too', () => {
  assert.equal(readText(JSON.stringify(small)).operations.length, 2);
  assert.equal(readText(gzipSync(write(small))).operations.length, 2);
});

const bad: [string, string, RegExp][] = [
  ['text', 'hello', /no valid JSON/],
  ['deep nesting', '['.repeat(1e5), /nested deeper/],
  ['another JSON', '{"a": 1}', /no profiler trace/],
  ['null', 'null', /no profiler trace/],
  ['events that are no objects', write([1]), /no object/],
  ['no annotations', write(small.filter(({ cat }) => cat !== 'user_annotation')), /marks no operations/],
  ['no kernels', write(small.filter(({ cat }) => cat !== 'kernel')), /no work on a GPU/],
  ['no launches', write(small.filter(({ cat }) => cat !== 'cuda_runtime')), /no work on a GPU/],
  ['no backward', write(small.slice(0, 4)), /no backward operations/],
  [
    'weight gradients alone',
    write(JSON.parse(write(small).replace('mlp(B)', 'mlp(W)')).traceEvents),
    /no backward operations/,
  ],
  ['a negative duration', write([...small, kernel(9, 1, -1)]), /-1 is no time/],
  ['a time that is text', write([...small, { ...mark('attn(F)', 1), ts: '1' }]), /"1" is no time/],
  ['an endless time', write(small).replace('"ts":100', '"ts":1e999'), /null is no time/],
  ['a kernel without a number', write([...small, { ...kernel(1, 1, 1), args: {} }]), /no whole number/],
  ['annotations that overlap', write([...small, mark('attn(F)', 25)]), /overlap/],
  ['a name of 5,000 letters', write([...small, mark('a'.repeat(5000), 1)]), /no name/],
  [
    'work on two GPUs',
    write([...small, launch(9, 6), { ...kernel(9, 1, 1), args: { device: 1, stream: 7, correlation: 9 } }]),
    /several GPUs/,
  ],
];
for (const [what, text, message] of bad) {
  test(`a file with ${what} is refused in one line`, () => {
    assert.throws(
      () => readText(text),
      (error) => error instanceof InputError && message.test(error.message) && !error.message.includes('\n'),
    );
  });
}

test('a damaged gzip file and one that unpacks to too much are refused', () => {
  const packed = readFileSync(published);
  assert.throws(() => readText(packed.subarray(0, 1000)), /cannot be unpacked/);
  assert.throws(() => readText(gzipSync(Buffer.alloc(2 ** 27 + 1, ' '))), /longer than 128 MiB/);
});

test('a trace whose events have anything in their fields is read or refused, and never fails otherwise', () => {
  const anything = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(-1), fc.constant(1e300));
  const keys = ['ph', 'cat', 'name', 'pid', 'tid', 'ts', 'dur', 'args'];
  fc.assert(
    fc.property(fc.nat(small.length - 1), fc.constantFrom(...keys), anything, (index, key, value) => {
      const events = small.map((event, position) => (position === index ? { ...event, [key]: value } : event));
      try {
        const { operations, seconds } = readText(write(events));
        assert.ok(Number.isFinite(seconds) && operations.length > 0);
      } catch (error) {
        assert.ok(error instanceof InputError, String(error));
      }
    }),
    { numRuns: 300 },
  );
});

test('an operation of 300,000 kernels on as many streams is read', () => {
  const many = Array.from({ length: 300_000 }, (_, index) => kernel(1, index, 1, index));
  const [attention] = readText(write([...small, ...many])).operations;
  assert.equal(attention.streams.length, 300_000);
});

test("control characters in a trace's strings are read, as Python reads them", () => {
  const text = write(small);
  const raw = text.replaceAll('gemm', 'ge\u0000m\tm\n\u001b[31m').replace('ProfilerStep#1', 'Profiler\\"\u0007Step');
  assert.notEqual(raw, text);
  assert.deepEqual(readText(raw), readText(text));
  // Between values they are as wrong as ever, and in strings there may be many, not any number.
  assert.throws(() => readText(text.replace(':', ':\u0001')), /no valid JSON/);
  assert.throws(() => readText(`["${'\u0001'.repeat(2 ** 20 + 1)}"]`), /more than 1048576 control characters/);
});

test("the names that docs/traces.md marks are the reader's, in an order that is read", () => {
  const [code] = readFileSync('docs/traces.md', 'utf8').match(/```python[\s\S]*?```/) ?? [];
  const names = Array.from(code?.matchAll(/mark\("([^"]*)"/g) ?? [], ([, name]) => name);
  assert.equal(names.length, 9);
  const events = names.flatMap((name, index) => [
    mark(name, 20 * index),
    launch(index + 1, 20 * index + 1),
    kernel(index + 1, 1000 + 20 * index, 20),
  ]);
  assert.deepEqual(
    readText(write(events)).operations.map(({ operation }) => operation),
    names,
  );
});

test('a timeline that the program itself wrote is told from a profile, with what reads it', () => {
  const event = { kind: 'forward', lane: 'compute', label: '0F0', start: 0, end: 1, chunks: [] } as const;
  const own = formatTrace({ unit: 'seconds', ranks: [[event]] });
  assert.throws(() => readText(own), /doubletrack wrote, .*simulate --replay RUN predicts the step of a run/);
  writeFileSync(join(folder, 'step.json'), '{}');
  try {
    assert.throws(() => readText(own), new RegExp(`give simulate --replay ${folder}, which predicts the run's step`));
  } finally {
    rmSync(join(folder, 'step.json'));
  }
});

test('every cut of the published trace is refused', () => {
  const text = gunzipSync(readFileSync(published)).toString('utf8');
  for (const length of [0, 1, 1000, 1_000_000, text.length - 2]) {
    assert.throws(() => readText(text.slice(0, length)), InputError);
  }
});
