import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zipSync } from 'fflate';
import { describeBytes, describeEntries, describeText } from './file-kind.js';

const latin = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

test('bytes are named for what they begin with', () => {
  const kinds: readonly (readonly [bytes: Uint8Array, kind: RegExp])[] = [
    [latin('PAR1\0'), /^a Parquet file$/],
    [latin('\x89HDF\r\n\x1a\n'), /^an HDF5 file$/],
    [latin('\x89PNG\r\n\x1a\n'), /^a picture \(PNG\)$/],
    [latin('\xff\xd8\xff\xe0'), /^a picture \(JPEG\)$/],
    [latin('RIFF....WEBPVP8 '), /^a picture \(WebP\)$/],
    [latin('%PDF-1.7'), /^a PDF$/],
    [latin('\x28\xb5\x2f\xfd..'), /^compressed with zstd$/],
    [latin(`${'a'.repeat(257)}ustar`), /^a tar archive$/],
    [latin('GGUF\x03'), /^a model \(GGUF\)$/],
    [latin('\x80\x04]q\0.'), /^a pickle$/],
    [zipSync({ 'xl/workbook.xml': latin('x'), '[Content_Types].xml': latin('x') }), /^an Excel workbook$/],
    [zipSync({ 'a.json': latin('x'), 'b.json': latin('x') }), /^a zip archive of a\.json, b\.json$/],
    [zipSync({ 'a.json': latin('x') }).subarray(0, 30), /^a zip that is damaged or was cut$/],
    [latin('\0\x01\x02'), /^a binary file of an unknown kind$/],
  ];
  for (const [bytes, kind] of kinds) assert.match(describeBytes(bytes).what, kind);
});

test('texts are named for how they begin', () => {
  const kinds: readonly (readonly [text: string, kind: RegExp])[] = [
    ['', /^an empty file$/],
    [' \n', /^an empty file$/],
    ['<!DOCTYPE html>\n<html>', /^an HTML page$/],
    ['<svg xmlns="">', /^XML/],
    ['version https://git-lfs.github.com/spec/v1\noid', /^a Git LFS pointer$/],
    ['initial_global_assignments:\n  3: [0, 1]\nnum_slots: 2\n', /^a placement of TensorRT-LLM$/],
    ["{'3': [1, 2]}", /^a dict as Python prints it$/],
    ['{3: [1, 2]}', /^a dict as Python prints it$/],
    ["defaultdict(<class 'int'>, {0: 5})", /^numbers as Python prints them$/],
    ['INFO: EPLB step: 100 for model X: avg_tokens=512.00', /^an engine's log of how even loads were$/],
    ['import torch\nprint(1)\n', /^a Python program$/],
    ['[model]\nhidden_size = 5\n', /^a configuration \(TOML\)$/],
    ['name;city\nbob;rome\n', /^a CSV of text: its columns are name, city$/],
    ['Nothing of the kind.\n', /^a text$/],
  ];
  for (const [text, kind] of kinds) assert.match(describeText(text).what, kind);
});

test('dicts are named for their keys', () => {
  const kinds: readonly (readonly [value: object, kind: RegExp | undefined])[] = [
    [{ physical_to_logical_map: [[0]] }, /^a placement of SGLang$/],
    [{ moe_layer_count: 1, layer_list: [] }, /^a placement of vLLM-Ascend$/],
    [{ traceEvents: [], schemaVersion: 1 }, /^a profiler's trace$/],
    [{ traceEvents: [], displayTimeUnit: 'ms' }, /^a trace\.json of a run or schedule$/],
    [{ version: '1.0', added_tokens: [], model: {} }, /^a tokenizer\.json$/],
    [{ tokenizer_class: 'X' }, /^a tokenizer_config\.json$/],
    [{ architectures: ['X'], model_type: 'deepseek_v3' }, /^a config\.json of a model$/],
    [{ metadata: {}, weight_map: {} }, /^the index of a checkpoint$/],
    [{ num_experts: 8, num_experts_per_token: 2 }, /^TensorRT-LLM's meta_info\.json$/],
    [{ 'model.embed_tokens.weight': 1, 'lm_head.weight': 1 }, /^a checkpoint of a model$/],
    [{ input_ids: [[1]] }, /^token ids$/],
    [{ messages: [{ role: 'user' }] }, /^a data set of texts$/],
    [{ text: 'hello' }, /^a data set of texts$/],
    [{ text: [[1, 2]], code: [[3, 4]] }, undefined],
    [{ counts: [[1]] }, undefined],
  ];
  for (const [value, kind] of kinds) {
    const found = describeEntries(Object.entries(value));
    if (kind === undefined) assert.equal(found, undefined);
    else assert.match(found?.what ?? '', kind);
  }
});
