import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMemoryTree, readExpertLoadsFrom } from '../../../formats/browser.js';
import { findLoads } from './choose-loads.js';
import { bytesOf } from './test-loads.js';

const pathsOf = (paths: readonly string[]) => findLoads(paths).map(({ path }) => path);

describe('choosing what to read of what was given', () => {
  it('takes one file whatever its name', () => {
    assert.deepEqual(findLoads(['loads']), [{ path: 'loads', words: 'loads', files: ['loads'] }]);
    assert.deepEqual(pathsOf(['.DS_Store', '__MACOSX/a.json', 'a.json']), ['a.json']);
  });

  it('takes the statistics folder of TensorRT-LLM, in a folder or as files, without what else lies there', () => {
    const files = ['meta_info.json', 'rank0.safetensors', 'rank1.safetensors', 'rank0_raw.safetensors'];
    const [folder] = findLoads(files.map((name) => `a/stats/${name}`));
    assert.deepEqual([folder?.path, folder?.files.length], ['a/stats', 3]);
    const [loose] = findLoads(files);
    assert.deepEqual([loose?.path, loose?.files], ['.', files.slice(0, 3)]);
  });

  it('finds the loads of a run in its folder', () => {
    const run = [
      'run/metrics.jsonl',
      'run/trace.json',
      'run/loads/0000001-0000100.json',
      'run/loads/0000101-0000150.json',
    ];
    const found = findLoads(run);
    assert.deepEqual(
      found.map(({ path, files }) => [path, files]),
      [['run/loads', run.slice(2)]],
    );
  });

  it('takes the recordings of a folder together, as each rank has its own clock', () => {
    const files = ['d/r_1747412345.12_0.pt', 'd/r_1747412345.34_1.pt', 'd/r_1747419999.55.pt'];
    assert.deepEqual(findLoads([...files, 'd/notes.txt', 'd/weights.pt']), [
      { path: 'd', words: 'SGLang recordings d/', files },
    ]);
    assert.deepEqual(pathsOf(['e/per-pass_0.pt', 'e/notes.txt']), ['e/per-pass_0.pt']);
  });

  it('takes files whose names differ in numbers alone together first, then each', () => {
    const steps = ['d/step_9.npy', 'd/step_10.npy'];
    const found = findLoads([...steps, 'd/readme.md', 'e/a.csv']);
    assert.deepEqual(
      found.map(({ path, files }) => [path, files.length]),
      [
        ['d', 2],
        ['d/step_10.npy', 1],
        ['d/step_9.npy', 1],
        ['e/a.csv', 1],
      ],
    );
    assert.deepEqual(found[0].files, steps);
  });

  it('lets a person choose among single files, and says that there is none', () => {
    const kinds = ['b.json.gz', 'a.jsonl', 'c.csv', 'd.npy', 'e.npz', 'f.safetensors', 'g.pkl', 'h.pth', 'i.tsv'];
    assert.deepEqual(
      pathsOf([...kinds, 'readme.md', 'config.json', 'tokenizer.json']),
      kinds.toSorted((a, b) => (a < b ? -1 : 1)),
    );
    assert.throws(() => findLoads(['a.md', 'b.md']), /none of these 2 files holds loads/);
    assert.throws(() => findLoads([]), /there is no file in it/);
  });

  it('gives what the reader of that path reads', () => {
    const table = (name: string, content: string) => ({ path: name, bytes: bytesOf(content) });
    const dropped = [table('d/step_9.csv', '1,2\n'), table('d/step_10.csv', '3,4\n'), table('d/notes.md', 'x')];
    const [series, single] = findLoads(dropped.map(({ path }) => path));
    for (const { path, files } of [series, single]) {
      const tree = createMemoryTree(dropped.filter((one) => files.includes(one.path)));
      const { loads } = readExpertLoadsFrom(tree, path);
      assert.deepEqual([...loads.counts], files.length === 2 ? [1, 2, 3, 4] : [3, 4]);
    }
  });
});
