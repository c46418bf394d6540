import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-outputs-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const costs = write('costs.json', '{"forward": 2}');
const csv = write('one.csv', '0F0,0B0\n');
const config = write('config.toml', '[train]\nsteps = 1\n');
const text = write('text.txt', 'a text');
const linked = join(folder, 'linked.json');
symlinkSync(costs, linked);
const hard = join(folder, 'hard.json');
linkSync(costs, hard);

describe('a file that a call reads', () => {
  const counts = '--ranks 2 --microbatches 2';
  const run = join(folder, 'run');
  mkdirSync(run);
  const ofRun = join(run, 'config.toml');
  writeFileSync(ofRun, '[train]\nsteps = 1\n');
  const calls: readonly (readonly [string, string])[] = [
    [`schedule 1f1b ${counts} --costs ${costs} --out ${costs}`, costs],
    [`schedule 1f1b ${counts} --costs ${costs} --out ${linked}`, costs],
    [`simulate 1f1b ${counts} --costs ${linked} --out ${hard}`, costs],
    [`schedule --from ${csv} --format csv --out ${csv}`, csv],
    [`simulate --from ${csv} --out ${folder}/../${folder.split('/').at(-1)}/one.csv`, csv],
    [`simulate --trace ${costs} --out ${costs}`, costs],
    [`simulate --replay ${run} --out ${ofRun}`, ofRun],
    [`compare ${counts} --costs ${costs} --out ${costs}`, costs],
    [`tune ${config} --out ${config}`, config],
    [`tune --set data.text=${text} --out ${text}`, text],
    [`eval --checkpoint ${run} --text ${text} --logits ${text}`, text],
    [`eval --checkpoint ${run} --text ${text} --gradients ${ofRun}`, ofRun],
    [`train ${ofRun} --out ${run}`, ofRun],
  ];
  for (const [line, file] of calls) {
    it(`is not replaced: ${line.replaceAll(`${folder}/`, '')}`, async () => {
      const before = readFileSync(file, 'utf8');
      const { status, stderr } = await runCommand(line);
      assert.equal(status, 2, stderr);
      assert.match(stderr, /^doubletrack: it is an input of this call, which would be overwritten \([^\n]+\n$/);
      assert.equal(readFileSync(file, 'utf8'), before);
    });
  }
});

describe('another file in the place of an output', () => {
  it('is replaced, which is said', async () => {
    const out = join(folder, 'out.json');
    const line = `schedule 1f1b --ranks 2 --microbatches 2 --json --out ${out}`;
    assert.equal((await runCommand(line)).stderr, '');
    const { status, stderr } = await runCommand(line);
    assert.deepEqual([status, stderr], [0, `note: ${out} was there and is replaced\n`]);
  });
});
