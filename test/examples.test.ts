import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-examples-'));
const home = process.cwd();
after(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

/** The example that a command's help ends with. */
async function exampleOf(command: string): Promise<string> {
  const { stdout, status } = await runCommand(`${command} --help`);
  assert.equal(status, 0);
  const [, example] = /Example:\n {2}doubletrack (.*)\n/.exec(stdout) ?? [];
  assert.ok(example !== undefined, `${command} --help has no example`);
  return example;
}

describe('the examples of --help', () => {
  // In this order: eval and generate read the checkpoint that train leaves.
  for (const command of [
    'train',
    'eval',
    'generate',
    'export',
    'tune',
    'bench',
    'balance',
    'balance score',
    'balance cross-validate',
    'balance check',
    'balance curve',
  ]) {
    it(`of ${command} runs as printed`, async () => {
      writeFileSync(join(folder, 'README.md'), 'Call me Ishmael. '.repeat(30));
      cpSync('examples', join(folder, 'examples'), { recursive: true });
      const example = await exampleOf(command);
      process.chdir(folder);
      const { status, stderr, stdout } = await runCommand(example.replace('"Call me"', 'Call'));
      process.chdir(home);
      assert.equal(status, 0, stderr);
      assert.notEqual(stdout, '');
    });
  }

  it('leave the run that the summary names', () => {
    assert.ok(existsSync(join(folder, 'runs/example/trace.json')));
    const lines = readFileSync(join(folder, 'runs/example/metrics.jsonl'), 'utf8').trim().split('\n');
    // A run that a busy machine makes long enough knows the machine's peak, too.
    const keys = Object.keys(JSON.parse(lines[2]) as object).filter((key) => key !== 'mfu');
    const promised = [
      'step',
      'loss',
      'gradNorm',
      'learningRate',
      'tokens',
      'seconds',
      'tokensPerSecond',
      'computeSeconds',
    ];
    const later = [
      'communicationSeconds',
      'exposedCommunicationSeconds',
      'idleSeconds',
      'balancedness',
      'rankBalancedness',
      'rankLoads',
      'expertSeconds',
      'moves',
      'validationLoss',
      'gflops',
      'peakMemoryBytes',
      // The clock of a thread is Linux's.
      ...(process.platform === 'linux' ? ['computeCpuSeconds', 'expertCpuSeconds'] : []),
    ];
    assert.deepEqual(new Set(keys), new Set([...promised, ...later]));
  });
});

describe('the example of skewed experts', () => {
  const short = '--steps 3 --set data.block_steps=1 --set schedule.microbatch_size=1';
  const trainShort = async (name: string, changes: string) => {
    const run = join(folder, name);
    const { status, stderr } = await runCommand(`train examples/skewed.toml ${short} ${changes} --out ${run}`);
    assert.equal(status, 0, stderr);
    const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as { loss: number; balancedness: number; validationLoss?: number });
  };

  it('has hot experts on every kind of text, and learns the same on four expert ranks as on one', async () => {
    const onFour = await trainShort('skewed', '--set schedule.microbatches=2');
    const onOne = await trainShort(
      'skewed-alone',
      '--set schedule.microbatches=8 --set parallel.expert=1 --set balance.redundant_slots=0 --set balance.interval=0',
    );
    assert.equal(onFour.length, 3);
    for (const { balancedness } of onFour) assert.ok(balancedness < 0.8, String(balancedness));
    const losses = ({ loss, validationLoss }: (typeof onOne)[number]) => [loss, validationLoss ?? loss];
    const expected = onOne.flatMap(losses);
    for (const [i, value] of onFour.flatMap(losses).entries())
      assert.ok(Math.abs(value - expected[i]) <= 1e-5 * expected[i], `${value} is not ${expected[i]}`);
  });
});
