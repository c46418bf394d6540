import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { problemOf } from '../../base/index.js';
import { createMemoryTree, readPlacementFrom } from '../browser.js';
import { writeTorch } from '../test-torch.js';

const problemOfReading = (bytes: Uint8Array | string) => {
  const content = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
  try {
    readPlacementFrom(createMemoryTree([{ path: 'file', bytes: content }]), 'file', { experts: 4 });
  } catch (error) {
    return problemOf(error);
  }
  return assert.fail('it is read');
};

const bytesOf = (...bytes: readonly number[]) => Uint8Array.from([...bytes, 0, 0, 1, 2, 3]);

const files: readonly (readonly [name: string, content: Uint8Array | string, what: RegExp, mend: RegExp])[] = [
  ["SGLang's loads", '{"logical_count": [[1, 2, 3, 4]]}', /recorded loads/, /give it as the loads/],
  ['loads of ADRS', '{"load_history": []}', /recorded loads/, /give it as the loads/],
  ['a table of loads', '[[900, 1, 2, 3], [4, 50, 6, 7]]', /looks like recorded loads/, /give it as the loads/],
  ['loads by layer and expert', '{"0": {"0": 90, "5": 3}}', /looks like recorded loads/, /give it as the loads/],
  ['loads of shares', '{"mine": [[0.5, 0.1, 0.2, 0.2]]}', /looks like recorded loads/, /give it as the loads/],
  ["loads of SGLang's recorder", writeTorch(new Map([['logical_count', [1]]])), /recorded loads/, /as the loads/],
  ['a part of the statistics', '{"num_experts": 4, "num_experts_per_token": 2}', /TensorRT-LLM's statistics/, /loads/],
  ["a model's config", '{"architectures": ["M"], "hidden_size": 8}', /a model's config\.json/, /give a placement of/],
  ['a tokenizer', '{"added_tokens": [], "model": {}}', /a tokenizer/, /give a placement of/],
  ['a list of weights', '{"metadata": {}, "weight_map": {}}', /the list of a model's weights/, /give a placement of/],
  ['a trace', '{"traceEvents": []}', /a trace/, /give a placement of/],
  ['slots of experts', '{"logical_to_physical_map": [[2, 0, 3, 1]]}', /names the slots of each expert/, /in each slot/],
  ["slots of DeepSeek's EPLB", '{"log2phy": [[[2], [0], [3], [1]]]}', /names the slots of each expert/, /in each slot/],
  ['another table', '{"compilerOptions": {}}', /its keys are "compilerOptions"/, /give a placement of/],
  ['a table of nothing', '{}', /it has no keys/, /give a placement of/],
  ['a CSV', '0,1,2,3\n3,2,1,0\n', /it looks like a CSV/, /as JSON, \[layers\]\[slots\]/],
  ['a page', '<!doctype html><p>404', /HTML or XML/, /give a placement of/],
  ['prose', '# Notes\n\nAn: unlikely: place for a placement', /it is text, and no placement/, /give a placement of/],
  ['one word', 'trivial', /it is text, and no placement/, /give a placement of/],
  ['one number', '7', /a single value/, /give a placement of/],
  [
    'a Python dict',
    "{'physical_to_logical_map': [[0, 1]]}",
    /no valid JSON/,
    /a Python dict: write it with json\.dump/,
  ],
  ['a cut JSON', '{"physical_to_logical_map": [[0, 1', /no valid JSON/, /it may be cut/],
  ['a pickle', bytesOf(0x80, 4), /a bare pickle/, /torch\.save of torch 1\.6/],
  ['Parquet', bytesOf(0x50, 0x41, 0x52, 0x31), /a Parquet file/, /as JSON/],
  ['zstd', bytesOf(0x28, 0xb5, 0x2f, 0xfd), /compressed with zstd/, /unpack it/],
  ['safetensors', bytesOf(16, 0, 0, 0, 0, 0, 0, 0, 0x7b), /a safetensors file/, /give a placement of/],
  ['other bytes', bytesOf(1, 2, 3), /a binary file of no known kind/, /give a placement of/],
];

describe('what is no placement is named for what it looks like', () => {
  for (const [name, content, what, mend] of files) {
    it(name, () => {
      const problem = problemOfReading(content);
      assert.match(problem.what, what);
      assert.match(problem.mend ?? '', mend);
      assert.equal(problem.where, 'file');
    });
  }

  it('whatever the file, and never with the advice to correct it', () => {
    const folder = 'configs';
    for (const name of readdirSync(folder).filter((file) => /\.(json|toml)$/.test(file))) {
      const { what, mend = '' } = problemOfReading(new Uint8Array(readFileSync(`${folder}/${name}`)));
      assert.match(what, /config\.json|its keys are|it is text/);
      assert.doesNotMatch(mend, /correct/);
    }
  });
});
