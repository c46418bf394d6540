import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { placementFormats } from './browser.js';
import { bytesOfInts, writeNpy } from './test-npy.js';

/** Runs in a thread that lacks what browsers lack: reads each path, places its experts on two GPUs, and reads its placement again in each format. */
const work = `
  const { parentPort, workerData } = require('node:worker_threads');
  delete globalThis.Buffer;
  delete globalThis.process;
  Promise.all(workerData.modules.map((url) => import(url))).then(([formats, balance]) => {
    const { files, paths } = workerData;
    const tree = formats.createMemoryTree(files);
    parentPort.postMessage(paths.map((path) => {
      const recorded = formats.readExpertLoadsFrom(tree, path);
      const input = formats.prepareLoads(recorded, {});
      const { experts } = input.loads;
      const machine = balance.createMachine({ gpus: 2, slots: experts + (experts % 2) + 2 });
      const solution = balance.solveBalance(
        { loads: input.loads, machine, policy: 'best', strategy: 'auto', groups: 1, seed: 0 },
        { now: () => performance.now() },
      );
      const read = formats.placementFormats.map((format) => {
        const bytes = new TextEncoder().encode(formats.formatSolution(solution, input, format).text);
        return formats.readPlacementFrom(formats.createMemoryTree([{ path: 'p', bytes }]), 'p', { experts }).format;
      });
      return { format: recorded.format, solution, read };
    }));
  });
`;

interface Found {
  readonly format: string;
  readonly solution: { readonly placement: { readonly physicalToLogical: Int32Array } };
  readonly read: readonly string[];
}

async function runWithoutNode(workerData: unknown): Promise<readonly Found[]> {
  const worker = new Worker(work, { eval: true, workerData });
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  } finally {
    await worker.terminate();
  }
}

test('loads are read, placed and written without what only Node has', { timeout: 600_000 }, async () => {
  const fixtures = 'test/fixtures/sglang-recorder';
  const example = readFileSync('examples/loads.json');
  const route = { type: 'route', layer: 3, topk_ids: [1, 0] };
  const files = [
    ...readdirSync(fixtures).map((name) => ({ path: name, bytes: new Uint8Array(readFileSync(join(fixtures, name))) })),
    { path: 'loads.json', bytes: new Uint8Array(example) },
    { path: 'loads.json.gz', bytes: new Uint8Array(gzipSync(example)) },
    { path: 'routes.jsonl', bytes: new TextEncoder().encode(`${JSON.stringify(route)}\n`.repeat(3)) },
  ];
  const counts = [9, 8, 7, 6, 5, 4, 3, 2];
  const array = writeNpy({ descr: '<i4', shape: [1, 8], data: bytesOfInts(counts) });
  const tables = ['wide.csv', 'x8.npy', 'x8.npz', 'dict-weight.pt', 'dictcounts.json', 'trt-i64', 'dumps'];
  files.push(
    { path: 'wide.csv', bytes: new TextEncoder().encode(counts.join()) },
    { path: 'x8.npy', bytes: array },
    { path: 'x8.npz', bytes: zipSync({ 'counts.npy': array }) },
  );
  const lying = readdirSync('test/fixtures/loads', { recursive: true, withFileTypes: true });
  for (const entry of lying.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    files.push({ path: relative('test/fixtures/loads', path), bytes: new Uint8Array(readFileSync(path)) });
  }
  const modules = ['./browser.js', '../balance/index.js'].map((path) => new URL(path, import.meta.url).href);
  const paths = ['sglang-stat.pt', 'sglang-per-pass_0.pt', 'loads.json', 'loads.json.gz', 'routes.jsonl', ...tables];
  const found = await runWithoutNode({ modules, files, paths });
  assert.deepEqual(
    found.map(({ format }) => format),
    ['sglang', 'sglang', 'domains', 'domains', 'routes', ...Array<string>(5).fill('table'), 'tensorrt-llm', 'sglang'],
  );
  for (const { read } of found) assert.deepEqual(read, placementFormats);
  assert.deepEqual(found[3]!.solution.placement, found[2]!.solution.placement);
});
