import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-tune-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const home = process.cwd();
after(() => process.chdir(home));

const tiny = `
[model]
hidden_size = 16
intermediate_size = 16
moe_intermediate_size = 8
[data]
text = "book.txt"
sequence_length = 16
[schedule]
microbatches = 6
microbatch_size = 2
`;

interface Row {
  readonly schedule: string;
  readonly pipeline: number;
  readonly expert: number;
  readonly computeThreads: number;
  readonly microbatches: number;
  readonly microbatchSize: number;
  readonly steps: number;
  readonly tokensPerSecond: number;
  readonly stepSeconds: { readonly median: number; readonly min: number; readonly max: number };
}

interface Report {
  readonly cores: number;
  readonly sequencesPerStep: number;
  readonly best: Row;
  readonly given: Row;
  readonly gain: number;
  readonly candidates: readonly Row[];
  readonly refused: Readonly<Record<string, number>>;
  readonly untried: number;
  readonly out: string;
}

const config = join(folder, 'tiny.toml');
writeFileSync(config, tiny);
writeFileSync(join(folder, 'book.txt'), 'Call me Ishmael. Some years ago, never mind how long precisely. '.repeat(30));

describe('training on cores of its own', () => {
  it('goes on where there are not enough, and says so once', async () => {
    const threads = availableParallelism();
    const sets = `--set parallel.affinity=cores --set parallel.compute_threads=${threads}`;
    const { status, stderr } = await runCommand(`train ${config} --steps 1 --out ${join(folder, 'pinned')} ${sets}`);
    assert.equal(status, 0, stderr);
    const notes = stderr.split('\n').filter((line) => line.startsWith('threads do not keep to cores of their own: '));
    assert.equal(notes.length, 1, stderr);
    if (process.platform === 'linux') assert.match(notes[0]!, / 2 ranks of \d+ threads? are more than \d+ cores?$/);
  });
});

describe('the tune command', () => {
  it('writes a config with the same global batch that train takes, and prints one JSON document', async () => {
    const out = join(folder, 'tuned.toml');
    const { status, stdout, stderr } = await runCommand(`tune ${config} --seconds 12 --out ${out} --json`);
    assert.equal(status, 0, stderr);
    const report = JSON.parse(stdout) as Report;
    assert.equal(report.out, out);
    assert.ok(report.candidates.length >= 2, stdout);
    for (const row of report.candidates) {
      assert.equal(row.expert * row.microbatches * row.microbatchSize, 12);
      assert.ok(row.steps >= 2 && row.tokensPerSecond > 0);
      assert.ok(row.stepSeconds.min <= row.stepSeconds.median && row.stepSeconds.median <= row.stepSeconds.max);
      assert.ok(row.tokensPerSecond <= report.best.tokensPerSecond);
    }
    assert.deepEqual(report.best, report.candidates[0]);
    assert.ok(report.gain >= 1);
    assert.deepEqual([report.given.schedule, report.given.microbatches, report.sequencesPerStep], ['dualpipev', 6, 12]);
    const text = readFileSync(out, 'utf8');
    assert.match(text, /^# Found by doubletrack tune on \d+ cores: \d+/);
    assert.match(text, new RegExp(`\\nname = "${report.best.schedule}"\\n`));
    assert.match(stderr, /round 1, 1 of \d+: pipeline 2, expert 1, 1 thread, dualpipev, 6 x 2: \d+/);

    const run = join(folder, 'run');
    const trained = await runCommand(`train ${out} --steps 2 --out ${run} --json`);
    assert.equal(trained.status, 0, trained.stderr);
    const [first] = readFileSync(join(run, 'metrics.jsonl'), 'utf8').split('\n');
    assert.equal((JSON.parse(first) as { tokens: number }).tokens, 12 * 16);
  });

  it('prints a table with what was not possible and what there was no time for', async () => {
    const { status, stdout, stderr } = await runCommand(
      `tune ${config} --seconds 1 --out ${join(folder, 'table.toml')}`,
    );
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^schedule +pipeline +expert +threads +affinity +microbatches +tokens\/s/);
    assert.match(stdout, /\ndualpipev +2 +1 +1 +none +6 x 2 +\d+/);
    assert.match(stdout, /\nnot possible: \d+ x dualpipe/);
    assert.match(stdout, /\nno time for \d+ more candidates/);
    assert.match(stdout, /\nFound by doubletrack tune .*\n.* s a step .* steps.*\nconfig: .*table\.toml\n$/);
  });

  it('refuses to replace a file that nobody named, the config that is read, and a text that is not there', async () => {
    process.chdir(folder);
    writeFileSync('tuned.toml', '');
    const unnamed = await runCommand('tune tiny.toml');
    const input = await runCommand('tune tiny.toml --out ./tiny.toml');
    const text = await runCommand('tune tiny.toml --set data.text=missing.txt --out other.toml');
    process.chdir(home);
    assert.deepEqual([unnamed.status, input.status, text.status], [2, 2, 2]);
    assert.match(unnamed.stderr, /the file is there already \(tuned\.toml\): give --out/);
    assert.match(input.stderr, /it is an input of this call, which would be overwritten/);
    assert.match(text.stderr, /no such file or folder \(.*missing\.txt\)/);
    assert.equal(readFileSync(config, 'utf8'), tiny);
    assert.equal(existsSync(join(folder, 'other.toml')), false);
  });

  it('ends on Ctrl-C with exit code 130, writes nothing and leaves no process behind', async () => {
    const out = join(folder, 'interrupted.toml');
    const child = spawn(process.execPath, ['bin/doubletrack.js', 'tune', config, '--seconds', '600', '--out', out], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let heard = '';
    // The processes that measure hold standard error too: it ends when the last of them has.
    for await (const chunk of child.stderr) {
      heard += String(chunk);
      if (/^round 1, 1 of/m.test(heard) && !child.killed) child.kill('SIGINT');
    }
    const [code] = child.exitCode === null ? ((await once(child, 'exit')) as [number]) : [child.exitCode];
    assert.equal(code, 130, heard);
    assert.equal(existsSync(out), false);
  });
});
