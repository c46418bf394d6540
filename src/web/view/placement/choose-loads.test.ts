import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findLoads } from './choose-loads.js';

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

  it('takes the files of all ranks of a recording together, the last recording first', () => {
    const files = ['d/r_17_0.pt', 'd/r_18_10.pt', 'd/r_18_2.pt', 'd/notes.txt'];
    const found = findLoads(files);
    assert.deepEqual(
      found.map(({ path, files: own }) => [path, own.length]),
      [
        ['d/r_18_2.pt', 2],
        ['d/r_17_0.pt', 1],
      ],
    );
  });

  it('lets a person choose among single files, and says that there is none', () => {
    assert.deepEqual(pathsOf(['b.json.gz', 'a.jsonl', 'readme.md']), ['a.jsonl', 'b.json.gz']);
    assert.throws(() => findLoads(['a.md', 'b.md']), /none of these 2 files holds loads/);
    assert.throws(() => findLoads([]), /there is no file in it/);
  });
});
