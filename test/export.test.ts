import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-export-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const lists = { computeSeconds: [1], communicationSeconds: [0], exposedCommunicationSeconds: [0], idleSeconds: [1] };
const line = (step: number) =>
  JSON.stringify({
    ...{ step, loss: 2, gradNorm: 1, learningRate: 1, tokens: 1, seconds: 1, tokensPerSecond: 1 },
    ...{ ...lists, rankLoads: [1], expertSeconds: [1], balancedness: 1, rankBalancedness: 1, moves: 0 },
  });
for (const [run, lines] of [
  ['a/run', [line(1), line(2), '{"step": 3, "lo']],
  ['b/run', [line(1)]],
  ['new', []],
] as const) {
  mkdirSync(join(folder, run), { recursive: true });
  writeFileSync(join(folder, run, 'metrics.jsonl'), lines.join('\n'));
}

describe('doubletrack export', () => {
  it('writes an event file for each run, and again into the same place', async () => {
    const call = `export ${folder}/a/run --tensorboard ${folder}/logs --json`;
    const { stdout, stderr } = await runCommand(call);
    const { files } = JSON.parse(stdout) as { files: { run: string; file: string; steps: number }[] };
    assert.deepEqual(files, [
      { run: `${folder}/a/run`, file: join(folder, 'logs/run/events.out.tfevents.0.doubletrack'), steps: 2 },
    ]);
    assert.equal(stderr, '');
    const bytes = readFileSync(files[0].file);
    await runCommand(call);
    assert.deepEqual(readFileSync(files[0].file), bytes);
  });

  const refused: readonly [name: string, args: string, message: RegExp][] = [
    ['runs of one name', `${folder}/a/run ${folder}/b/run --tensorboard x`, /several of these runs have the same name/],
    [
      'a folder that is no run',
      `${folder}/a --tensorboard x`,
      /there is no run \(.*a\/metrics\.jsonl\): give the folder/,
    ],
    ['a run without a step', `${folder}/new --tensorboard x`, /the run has no step yet \(.*\): wait/],
    [
      'a place where there can be no folder',
      `${folder}/a/run --tensorboard ${folder}/new/metrics.jsonl`,
      /give another/,
    ],
  ];
  for (const [name, args, message] of refused) {
    it(`refuses ${name} in one line`, async () => {
      const { status, stderr } = await runCommand(`export ${args}`);
      assert.equal(status, 2);
      assert.match(stderr, /^doubletrack: [^\n]+\n$/);
      assert.match(stderr, message);
    });
  }
});
