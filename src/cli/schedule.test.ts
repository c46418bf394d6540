import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCommand } from '../../test/run-command.js';

const golden = 'test/fixtures/pytorch_dualpipev_4rank_10mb.csv';
let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'schedule-'));
});
after(() => rmSync(folder, { recursive: true }));

function writeFile(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** A bad call: nothing on standard output, one line on standard error. */
async function assertRefused(line: string, status: number, message: RegExp): Promise<void> {
  const result = await runCommand(line);
  assert.equal(result.stdout, '', line);
  assert.match(result.stderr, /^doubletrack: [^\n]*\n$/, line);
  assert.match(result.stderr, message, line);
  assert.equal(result.status, status, line);
}

test("the csv format is PyTorch's file, byte for byte", async () => {
  const line = [
    'bin/doubletrack.js',
    'schedule',
    'dualpipev',
    '--ranks',
    '4',
    '--microbatches',
    '10',
    '--format',
    'csv',
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, line, { encoding: 'utf8' });
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: readFileSync(golden, 'utf8'), stderr: '' });
});

test('--json is one document with the keys of the contract', async () => {
  const { stdout } = await runCommand('schedule dualpipe --ranks 2 --microbatches 4 --json');
  assert.deepEqual(JSON.parse(stdout), {
    name: 'dualpipe',
    ranks: 2,
    microbatches: 4,
    pipelines: [
      [0, 1],
      [2, 3],
    ],
    stageToRank: [0, 1, 1, 0],
    actions: [
      ['0F0', '3F0', '0F1', '3B0', '(3F1;0B0)OVERLAP_F_B', '3B1', '0I1', '0W1'],
      ['2F0', '1F0', '2F1', '1B0', '(1F1;2B0)OVERLAP_F_B', '1B1', '2I1', '2W1'],
    ],
  });
  assert.equal((await runCommand('schedule dualpipe --ranks 2 --microbatches 4 --format json')).stdout, stdout);
});

test("PyTorch's file can be read and printed in every format", async () => {
  assert.equal((await runCommand(`schedule --from ${golden} --format csv`)).stdout, readFileSync(golden, 'utf8'));
  assert.match(
    (await runCommand(`schedule --from ${golden}`)).stdout,
    /4 ranks, 8 stages, 10 microbatches\n\nrank 0 F0F1/,
  );
  assert.match((await runCommand(`schedule --from ${golden} --format svg`)).stdout, /^<svg [\s\S]*<\/svg>\n$/);
  assert.equal(JSON.parse((await runCommand(`schedule --from ${golden} --format trace`)).stdout).displayTimeUnit, 'ms');
});

test('--out writes the file whole, over an older one, and leaves nothing else', async () => {
  const file = writeFile('out.csv', 'older');
  const result = await runCommand(`schedule dualpipev --ranks 4 --microbatches 10 --format csv --out ${file}`);
  assert.deepEqual(result, { status: 0, stdout: '', stderr: '' });
  assert.equal(readFileSync(file, 'utf8'), readFileSync(golden, 'utf8'));
  assert.deepEqual(readdirSync(folder), ['out.csv']);
});

test('--out that cannot be written is refused and leaves nothing behind', async () => {
  const line = 'schedule gpipe --ranks 2 --microbatches 2 --out';
  await assertRefused(`${line} ${join(folder, 'none', 'a.csv')}`, 2, /no such file or folder \(.*none.a\.csv\)/);
  await assertRefused(`${line} ${folder}`, 2, /it is there and no file/);
  assert.deepEqual(
    readdirSync(join(folder, '..')).filter((name) => name.endsWith('.part')),
    [],
  );
});

test('bad calls are refused in one line that says how to mend them', async () => {
  const calls: [string, RegExp][] = [
    ['schedule', /no schedule is named/],
    [
      'schedule zb-h9 --ranks 4 --microbatches 8',
      /use one of gpipe, 1f1b, interleaved, zb-h1, zb-v, dualpipe, dualpipev/,
    ],
    [
      'schedule zb-v --ranks 4 --microbatches 8 --stages-per-rank 3',
      /zb-v has 2 stages a rank.*use 2, or leave it out/,
    ],
    ['schedule interleaved --ranks 4 --microbatches 8 --stages-per-rank 0', /"0" is not a count \(--stages-per-rank\)/],
    ['schedule interleaved --ranks 4 --microbatches 13', /number of rounds, 3 .*use 12 or 15/],
    [`schedule --from ${golden} --stages-per-rank 2`, /--stages-per-rank and --from/],
    ['schedule auto', /no schedule "auto"/],
    ['schedule gpipe --ranks 4', /--microbatches is missing/],
    ['schedule gpipe --ranks 0 --microbatches 4', /"0" is not a count \(--ranks\)/],
    ['schedule gpipe --ranks -4 --microbatches 4', /"-4" is not a count/],
    ['schedule gpipe --ranks 1e3 --microbatches 4', /"1e3" is not a count/],
    ['schedule gpipe --ranks 4 --microbatches 1000000000', /from 1 to 524288/],
    ['schedule dualpipe --ranks 3 --microbatches 8', /use 2 or 4/],
    ['schedule gpipe --ranks 4 --microbatches 4 --format xml', /Allowed choices/],
    ['schedule gpipe --ranks 4 --microbatches 4 --json --format csv', /given together/],
    ['schedule gpipe --ranks 4 --microbatches 4 --stages 3', /unknown option/],
    ['schedule gpipe extra --ranks 4 --microbatches 4', /too many arguments/],
    [`schedule gpipe --from ${golden}`, /given together/],
    [`schedule --from ${golden} --ranks 4`, /--ranks and --from/],
    ['schedule --from none.csv', /no such file or folder \(none\.csv\)/],
    ['schedule --from src', /is a folder \(src\)/],
    ['schedule 1f1b --ranks 256 --microbatches 512 --format svg', /too many to draw/],
  ];
  for (const [line, message] of calls) await assertRefused(line, 2, message);
});

test('a file that is not a schedule names file, row and cell', async () => {
  await assertRefused(
    `schedule --from ${writeFile('a.csv', '0F0,0BW0\r\n')}`,
    2,
    /a\.csv, row 1, cell 2\).*2\.5 and older/,
  );
});

test('a schedule that does not check is a failure of the work, with its problems', async () => {
  const file = writeFile('b.csv', '0F0,0B0,0F1,0B1\r\n1F0,1F1,1B0,1B1,1B1\r\n');
  await assertRefused(
    `schedule --from ${file}`,
    1,
    /3 problems.*1B1 has already run.*rank 0, position 1: 0B0 waits for ever/,
  );
});

test('the example in --help runs as printed', async () => {
  for (const command of ['schedule', 'simulate']) {
    const help = await runCommand(`${command} --help`);
    assert.equal(help.status, 0);
    const example = /^ {2}doubletrack (.*)$/m.exec(help.stdout)?.[1];
    assert.equal((await runCommand(example ?? 'no example')).status, 0, `${command}: ${example}`);
  }
});
