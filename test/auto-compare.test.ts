import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-auto-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function refuses(line: string, status: number, message: RegExp): Promise<void> {
  const result = await runCommand(line);
  assert.match(result.stderr, /^doubletrack: [^\n]*\n$/, line);
  assert.match(result.stderr, message, line);
  assert.deepEqual([result.status, result.stdout], [status, ''], line);
}

describe('the schedule auto', () => {
  const uneven = 'auto --ranks 4 --microbatches 8 --costs examples/uneven-costs.json --iterations 3000';

  it('is printed like any other schedule, and says what it started from and gained', async () => {
    const { status, stdout, stderr } = await runCommand(`schedule ${uneven} --json`);
    assert.equal(status, 0, stderr);
    const { name, ranks, microbatches, pipelines, actions } = JSON.parse(stdout);
    assert.deepEqual([name, ranks, microbatches, pipelines], ['auto', 4, 8, [[0, 1, 2, 3, 4, 5, 6, 7]]]);
    assert.equal(actions.length, 4);
    assert.match(stderr, /^auto: makespan 5[0-9.]+, .*; from .* with [0-9.]+; lower bound 54\.4\n/);
    assert.match(stderr, /\nauto: the best named schedule is zb-v with 58\.1: \d\.\d\d% less\n/);
    assert.match(stderr, /\nauto: 1f1b: it has 4 stages, the costs list 8\n/);
  });

  it('goes through a file, and simulates to the same makespan there', async () => {
    const file = join(folder, 'auto.csv');
    const written = await runCommand(`schedule ${uneven} --format csv --out ${file}`);
    assert.equal(written.status, 0, written.stderr);
    const read = await runCommand(`simulate --from ${file} --costs examples/uneven-costs.json --json`);
    const searched = await runCommand(`simulate ${uneven} --json`);
    const [fromFile, direct] = [JSON.parse(read.stdout), JSON.parse(searched.stdout)];
    assert.equal(fromFile.makespan, direct.makespan);
    assert.ok(direct.makespan < direct.search.bestNamed.makespan);
    assert.equal(direct.search.named.length, 7);
  });

  it('keeps within a cap that counts half a share of the model as half', async () => {
    const line = 'simulate auto --ranks 4 --microbatches 8 --activation-cap 3 --placements v --iterations 200 --json';
    const { stdout, stderr } = await runCommand(line);
    const { peakActivations, search } = JSON.parse(stdout);
    assert.ok(Math.max(...peakActivations) <= 6, stdout);
    assert.equal(search.bestNamed, null);
    assert.match(stderr, /no named schedule is allowed\n/);
    assert.match(stderr, /\nauto: zb-v: it has up to 4 chunks alive on a rank\n/);
  });

  it('refuses bad calls in one line', async () => {
    const counts = '--ranks 4 --microbatches 8';
    const calls: [string, number, RegExp][] = [
      ['schedule auto --ranks 4', 2, /--microbatches is missing/],
      [`schedule auto ${counts} --stages-per-rank 2`, 2, /auto and --stages-per-rank are given together/],
      [`schedule auto ${counts} --activation-cap 0`, 2, /--activation-cap/],
      [`schedule auto ${counts} --activation-cap nan`, 2, /--activation-cap/],
      [`schedule auto ${counts} --activation-cap 0.5`, 1, /keeps within 0\.5: allow at least 1/],
      [`schedule auto ${counts} --memory-cap 9`, 2, /needs costs with memory/],
      [`schedule auto ${counts} --placements ring`, 2, /no placement "ring" \(--placements\): use one, dual/],
      [`schedule auto ${counts} --iterations 1.5`, 2, /--iterations/],
      ['schedule auto --ranks 3 --microbatches 8 --costs examples/uneven-costs.json', 2, /8 stages .* over 3 ranks/],
      ['schedule auto --ranks 4 --microbatches 1000000000', 2, /microbatches cannot be 1000000000/],
      [`schedule gpipe ${counts} --memory-cap 4`, 2, /--memory-cap is for auto alone/],
      [`simulate 1f1b ${counts} --seed 1`, 2, /--seed is for auto alone/],
    ];
    for (const [line, status, message] of calls) await refuses(line, status, message);
  });
});

describe('the compare command', () => {
  const small = 'compare --ranks 4 --microbatches 8 --iterations 0';

  it('prints two tables, each headed by what it holds fixed', async () => {
    const { status, stdout } = await runCommand(`${small} --overlapped 2.5`);
    assert.equal(status, 0);
    assert.match(
      stdout,
      /^Equal devices: 4 ranks and the same model, .*; 8 microbatches\.\n\nschedule +ranks +stages +makespan/,
    );
    assert.match(
      stdout,
      /\n\nEqual stages: the same model cut into 4 stages, each schedule on as many ranks as that takes/,
    );
    assert.match(stdout, /\ninterleaved v=4 +4 +16 +26\.25 +8\.57% +1x +4\.75 +240 +240\n/);
    assert.match(stdout, /\ndualpipe +4 +4 +[\d.]+ +[\d.]+% +2x +5 +48 +48 +two copies of the model/);
    assert.equal(stdout.match(/\nauto /g)?.length, 3);
  });

  it('gives one JSON document, into a file where one is named', async () => {
    const file = join(folder, 'compare.json');
    const { status, stdout } = await runCommand(`${small} --stages 8 --json --out ${file}`);
    assert.deepEqual([status, stdout], [0, '']);
    const { ranks, microbatches, equalDevices, stages, equalStages } = JSON.parse(readFileSync(file, 'utf8'));
    assert.deepEqual([ranks, microbatches, stages], [4, 8, 8]);
    const find = (rows: { name: string }[], name: string) => rows.find((row) => row.name === name);
    assert.deepEqual(find(equalDevices, 'zb-v'), {
      ...{ name: 'zb-v', stagesPerRank: 2, ranks: 4, stages: 8, makespan: 25.5, bubble: 0.0588235294118 },
      ...{ parameters: 1, peakActivations: 4, messages: 96, messagesSent: 32, volume: 96 },
    });
    // 8 stages on 8 ranks, each half of what a rank has at equal devices.
    const { ranks: wide, parameters, makespan } = find(equalStages, '1f1b') as unknown as Record<string, number>;
    assert.deepEqual([wide, parameters, makespan], [8, 0.5, 22.5]);
  });

  it('takes a message size for the volume, and tells of limits with the nearest values', async () => {
    const { stdout } = await runCommand(
      'compare --ranks 3 --microbatches 5 --iterations 0 --p2p-bandwidth 100 --message-size 7',
    );
    assert.match(stdout, /\n1f1b +3 +3 .* 20 +140\n/);
    assert.match(stdout, /\ndualpipe +- .*ranks 3\): use 2 or 4\n/);
    assert.match(stdout, /\ndualpipev +- .*at least 6 microbatches .*: use 6 or more\n/);
  });

  it('refuses bad calls in one line', async () => {
    const costs = join(folder, 'costs.json');
    writeFileSync(costs, '{"forward": [1, 2], "backwardInput": [1]}');
    const calls: [string, number, RegExp][] = [
      ['compare --microbatches 8', 2, /--ranks/],
      ['compare --ranks 4', 2, /--microbatches/],
      ['compare --ranks 0 --microbatches 8', 2, /"0" is not a count \(--ranks\)/],
      [`${small} --forward -1`, 2, /not a time \(--forward\)/],
      [`${small} --forward NaN`, 2, /not a time/],
      [`${small} --stages 1.5`, 2, /not a count \(--stages\)/],
      [`${small} --costs none.json`, 2, /none\.json/],
      [`${small} --costs ${costs}`, 2, /the costs list 2 stages in forward and 1 in backwardInput/],
      [`${small} --out `, 2, /output file is empty/],
    ];
    for (const [line, status, message] of calls) await refuses(line, status, message);
  });
});
