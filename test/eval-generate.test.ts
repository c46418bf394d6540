import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runCommand } from './run-command.js';

const tiny = 'test/fixtures/deepseek-v3-tiny';
const folder = mkdtempSync(join(tmpdir(), 'doubletrack-eval-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const cut = join(folder, 'cut');
cpSync(tiny, cut, { recursive: true });
truncateSync(join(cut, 'model.safetensors'), 500_000);

const otherTokenizer = join(folder, 'other-tokenizer');
cpSync(tiny, otherTokenizer, { recursive: true });
writeFileSync(join(otherTokenizer, 'tokenizer.model'), '');

const run = join(folder, 'run');
cpSync(tiny, join(run, 'checkpoints', '7'), { recursive: true });

describe('the eval command', () => {
  it('prints the loss and writes logits and gradients', async () => {
    const [logits, gradients] = [join(folder, 'logits.safetensors'), join(folder, 'gradients.safetensors')];
    const call = `eval --checkpoint ${tiny} --tokens ${tiny}/input.json --logits ${logits} --gradients ${gradients} --json`;
    const { status, stdout, stderr } = await runCommand(call);
    assert.equal(status, 0, stderr);
    const result = JSON.parse(stdout) as { loss: number; perplexity: number; tokens: number };
    assert.deepEqual(Object.keys(result), ['loss', 'perplexity', 'tokens']);
    assert.equal(result.tokens, 126);
    assert.ok(Math.abs(result.loss - 6.47645) < 1e-4);
    assert.equal(readFileSync(logits).includes('"logits"'), true);
    assert.equal(readFileSync(gradients).includes('model.layers.2.mlp.experts.7.down_proj.weight'), true);
  });

  it('measures a text with the last checkpoint of a run', async () => {
    const text = file('text.txt', 'Call me Ishmael. Some years ago, never mind how long precisely.');
    const { status, stdout, stderr } = await runCommand(`eval --checkpoint ${run} --text ${text} --json`);
    assert.equal(status, 0);
    assert.match(stderr, /^note: the last checkpoint of the run is taken, .*run.checkpoints.7\n$/);
    assert.ok((JSON.parse(stdout) as { loss: number }).loss > 3);
  });
});

describe('the generate command', () => {
  it('gives the same text for the same seed, and another for another', async () => {
    const call = `generate --checkpoint ${tiny} --prompt Whale --tokens 12 --json`;
    const texts: string[] = [];
    for (const seed of [1, 1, 2]) {
      const { status, stdout, stderr } = await runCommand(`${call} --seed ${seed}`);
      assert.equal(status, 0, stderr);
      texts.push((JSON.parse(stdout) as { text: string }).text);
    }
    assert.ok(texts[0].startsWith('Whale'));
    assert.equal(texts[1], texts[0]);
    assert.notEqual(texts[2], texts[0]);
  });
});

const badCalls: readonly (readonly [string, string, RegExp])[] = [
  ['no checkpoint', 'generate --prompt x', /--checkpoint/],
  ['a checkpoint that is missing', 'generate --checkpoint nowhere --prompt x', /nowhere/],
  ['weights that were cut short', `eval --checkpoint ${cut} --tokens ${tiny}/input.json`, /model\.safetensors/],
  ['nothing to measure on', `eval --checkpoint ${tiny}`, /--text/],
  [
    'a token outside the vocabulary',
    `eval --checkpoint ${tiny} --tokens ${file('big.json', '{"input_ids":[[1,256]]}')}`,
    /256/,
  ],
  [
    'ragged rows',
    `eval --checkpoint ${tiny} --tokens ${file('ragged.json', '{"input_ids":[[1,2],[1,2,3]]}')}`,
    /row 1/,
  ],
  [
    'rows that are no numbers',
    `eval --checkpoint ${tiny} --tokens ${file('words.json', '{"input_ids":[["a"]]}')}`,
    /input_ids/,
  ],
  [
    'rows that the model cannot look back on',
    `eval --checkpoint ${tiny} --tokens ${file('long.json', JSON.stringify({ input_ids: [new Array(20_000).fill(1)] }))}`,
    /rows have 20000 tokens, more than the model's max_position_embeddings, 512: cut/,
  ],
  [
    'a tokenizer that is not read',
    `eval --checkpoint ${otherTokenizer} --text README.md`,
    /tokenizer\.model is not read/,
  ],
  ['a tokens file that is no JSON', `eval --checkpoint ${tiny} --tokens ${file('broken.json', '{')}`, /broken\.json/],
  ['a negative temperature', `generate --checkpoint ${tiny} --prompt x --temperature -1`, /--temperature/],
  ['no tokens', `generate --checkpoint ${tiny} --prompt x --tokens 0`, /--tokens/],
];

describe('eval and generate', () => {
  for (const [what, line, message] of badCalls) {
    it(`refuse ${what} in one line with exit code 2`, async () => {
      const { status, stderr } = await runCommand(line);
      assert.equal(status, 2, stderr);
      assert.match(stderr, message);
      assert.match(stderr, /^doubletrack: [^\n]+\n$/);
    });
  }
});
