import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
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
  assert.deepEqual(result, { status: 0, stdout: '', stderr: `note: ${file} was there and is replaced\n` });
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
    ['schedule auto', /--ranks is missing/],
    ['schedule gpip --ranks 4 --microbatches 8', /no schedule "gpip"/],
    ['schedule gpipe --ranks 4', /--microbatches is missing/],
    ['schedule gpipe --ranks 0 --microbatches 4', /"0" is not a count \(--ranks\)/],
    ['schedule gpipe --ranks -4 --microbatches 4', /"-4" is not a count/],
    ['schedule gpipe --ranks 1e3 --microbatches 4', /"1e3" is not a count/],
    ['schedule gpipe --ranks 4 --microbatches 1000000000', /from 1 to 524288/],
    ['schedule dualpipe --ranks 3 --microbatches 8', /use 2 or 4/],
    ['schedule gpipe --ranks 4 --microbatches 4 --format xml', /Allowed choices/],
    ['schedule gpipe --ranks 4 --microbatches 4 --json --format csv', /given together/],
    ['schedule gpipe --ranks 4 --microbatches 4 --stages 3', /unknown option/],
    ['schedule gpipe --ranks 4 --microbatches 4 --comms --format svg', /--comms and --format svg/],
    ['schedule gpipe --ranks 4 --microbatches 4 --torch 2.14', /--torch needs --comms/],
    ['schedule gpipe --ranks 4 --microbatches 4 --comms --torch 1.0', /Allowed choices/],
    ['schedule gpipe extra --ranks 4 --microbatches 4', /too many arguments/],
    [`schedule gpipe --from ${golden}`, /given together/],
    [`schedule --from ${golden} --ranks 4`, /--ranks and --from/],
    ['schedule --from none.csv', /no such file or folder \(none\.csv\)/],
    ['schedule --from src', /is a folder \(src\)/],
    ['schedule 1f1b --ranks 256 --microbatches 512 --format svg', /too many to draw/],
  ];
  for (const [line, message] of calls) await assertRefused(line, 2, message);
});

test("--comms prints what PyTorch's runtime runs, which can be read again, and from which the computation can be taken", async () => {
  const line = 'schedule 1f1b --ranks 2 --microbatches 2';
  const csv = (await runCommand(`${line} --comms --format csv`)).stdout;
  assert.match(csv, /^0UNSHARD,0F0,0SEND_F0,[^\n]*,0RESHARD\r\n1UNSHARD,1RECV_F0,[^\n]*,1WAIT_SEND_B1\r\n$/);
  assert.doesNotMatch((await runCommand(`${line} --comms --torch 2.14 --format csv`)).stdout, /WAIT/);
  const json = JSON.parse((await runCommand(`${line} --comms --json`)).stdout);
  assert.deepEqual(
    json.actions.map((list: string[]) => list.join()),
    csv.trimEnd().split('\r\n'),
  );
  const text = (await runCommand(`${line} --comms`)).stdout;
  assert.match(
    text,
    /^1f1b: 2 ranks[^\n]*\n\nrank 0: 0UNSHARD 0F0 0SEND_F0 [^\n]*\nrank 1: 1UNSHARD 1RECV_F0 [^\n]*\n$/,
  );
  const file = writeFile('comms.csv', csv);
  assert.equal((await runCommand(`schedule --from ${file} --comms --format csv`)).stdout, csv);
  assert.equal(
    (await runCommand(`schedule --from ${file} --format csv`)).stdout,
    (await runCommand(`${line} --format csv`)).stdout,
  );
  assert.equal(
    (await runCommand(`simulate --from ${file} --json`)).stdout,
    (await runCommand(`simulate 1f1b --ranks 2 --microbatches 2 --json`)).stdout,
  );
  await assertRefused(`schedule --from ${file} --comms --torch 2.14`, 2, /the file has its communication/);
});

test("names are taken in any case and as PyTorch and torchtitan have them, and printed as this program's", async () => {
  const counts = '--ranks 4 --microbatches 8 --json';
  for (const [theirs, own] of [
    ['1F1B', '1f1b'],
    ['ZBVZeroBubble', 'zb-v'],
    ['DualPipeV', 'dualpipev'],
    ['Interleaved1F1B', 'interleaved'],
  ]) {
    for (const command of ['schedule', 'simulate'])
      assert.deepEqual(
        await runCommand(`${command} ${theirs} ${counts}`),
        await runCommand(`${command} ${own} ${counts}`),
      );
  }
  const all = 'use one of gpipe, 1f1b, interleaved, zb-h1, zb-v, dualpipe, dualpipev, auto';
  await assertRefused(`schedule 2f2b ${counts}`, 2, new RegExp(`no schedule "2f2b": ${all}$`, 'm'));
  await assertRefused(`simulate LoopedBFS ${counts}`, 2, /"LoopedBFS": the nearest are gpipe/);
  const plan = 'plan --model none.json --cluster none.toml --sequences-per-step 8 --sequence-length 8 --schedule';
  await assertRefused(`${plan} auto`, 2, /no schedule "auto": use one of gpipe, .*, dualpipev$/m);
  await assertRefused(`${plan} ZBV`, 2, /no such file or folder \(none/);
});

test('files in the dialects of PyTorch, Python and spreadsheets are read by schedule, in every format, and by simulate', async () => {
  const line = 'zb-v --ranks 4 --microbatches 8';
  const csv = (await runCommand(`schedule ${line} --format csv`)).stdout;
  const comms = (await runCommand(`schedule ${line} --comms --torch 2.14 --format csv`)).stdout;
  const gathered = comms.replaceAll(/,\d+REDUCE_GRAD/g, '').replaceAll(/(,\d+RESHARD)+(?=\r)/g, '');
  const files: [string, RegExp][] = [
    [csv.replaceAll(',', ', '), /^$/],
    [csv.replaceAll(/[^,\r\n]+/g, '"$&"'), /^$/],
    [`\uFEFF${csv.replaceAll('\r\n', ',,\n')}`, /^$/],
    [gathered, /^note: [^\n]*zb-v\.csv leaves parameters gathered at the end, as PyTorch 2\.6 to 2\.9 do\n$/],
    [csv.replace('\r\n', ',0REDUCE_GRAD\r\n'), /^note: [^\n]*zb-v\.csv has REDUCE_GRAD but no messages: [^\n]*\n$/],
  ];
  const expect = new Map<string, string>();
  for (const format of ['text', 'json', 'csv', 'svg', 'trace'])
    expect.set(`schedule FROM --format ${format}`, (await runCommand(`schedule ${line} --format ${format}`)).stdout);
  expect.set('simulate FROM --json', (await runCommand(`simulate ${line} --json`)).stdout);
  for (const [text, note] of files) {
    const from = `--from ${writeFile('zb-v.csv', text)}`;
    for (const [command, stdout] of expect) {
      const result = await runCommand(command.replace('FROM', from));
      assert.deepEqual(
        { ...result, stderr: '' },
        { status: 0, stdout, stderr: '' },
        `${command}: ${text.slice(0, 40)}`,
      );
      assert.match(result.stderr, note);
    }
  }
  const lowered = await runCommand(`schedule --from ${writeFile('zb-v.csv', gathered)} --comms --format csv`);
  assert.equal(lowered.stdout, gathered);
});

test('of millions of problems the first are told, and how many more there are', async () => {
  const file = writeFile('many.csv', '0F0,'.repeat(100_000));
  await assertRefused(`schedule --from ${file}`, 1, /has 100000 problems .*\[duplicate\]; and 99990 more$/m);
});

test('a file whose ranks would wait for each other is a failure of the work, with rank, position, action and rule', async () => {
  const csv = (await runCommand('schedule 1f1b --ranks 2 --microbatches 2 --comms --format csv')).stdout;
  const late = csv.replace('1RECV_F1,1B0,1SEND_B0', '1B0,1SEND_B0,1RECV_F1');
  await assertRefused(
    `schedule --from ${writeFile('late.csv', late)}`,
    1,
    /2 problems \(.*late\.csv\): rank 0, position 4: 0SEND_F1 waits for ever for 1RECV_F1, which rank 1 does not reach \[deadlock\]/,
  );
  const crossed = csv.replace('1RECV_F0,1F0,1RECV_F1', '1RECV_F1,1RECV_F0,1F0');
  await assertRefused(
    `simulate --from ${writeFile('crossed.csv', crossed)}`,
    1,
    /1RECV_F1 is receive 1 .*\[crossing\]/,
  );
});

test('--activation-cap refuses what keeps more alive', async () => {
  const line = '1f1b --ranks 4 --microbatches 8 --activation-cap';
  assert.equal((await runCommand(`schedule ${line} 4`)).status, 0);
  for (const command of ['schedule', 'simulate']) {
    await assertRefused(
      `${command} ${line} 3`,
      1,
      /rank 0, position 3: 0F3 makes 4 activations alive, more than 3 \[activations\]/,
    );
    await assertRefused(
      `${command} ${line} 0`,
      2,
      /.0. is no number above 0.*\(--activation-cap\): use a number above 0/,
    );
  }
});

test('files that make no sense are refused in one line, with 2 if they cannot be read and 1 if they do not check', async () => {
  const files: [string, number, RegExp][] = [
    ['0F0,0B0\r\n0F0,0B0\r\n', 1, /runs on rank 1, but stage 0 is on rank 0/],
    ['0F0,0B0\r\n1F0\r\n', 1, /stage 1 has no backward of microbatch 0/],
    ['0F0,0F2,0B0,0B2\r\n', 1, /stage 0 has no forward of microbatch 1/],
    ['0F0,0B0\r\n2F0,2B0\r\n', 2, /no rank runs stage 1/],
    ['0F0,0B0x\r\n', 2, /"0B0x" is not an action \(.*row 1, cell 2\)/],
    ['0F0,2BW0\r\n', 2, /2\.5 and older/],
    ['0F0,0B0,0W0\r\n', 2, /no action of the file that of inputs \(I\).*PyTorch 2\.5/],
    ['0F1000000000,0B0\r\n', 2, /is not an action/],
    ['0F999999999,0B999999999\r\n', 2, /1 stages x 1000000000 microbatches/],
    ['0F0,1B0\r\n1F0,0B0\r\n', 1, /problems/],
    ['', 2, /the row is empty/],
    ['"0F0,0B0\r\n', 2, /a quote has no end/],
  ];
  for (const [text, status, message] of files) {
    await assertRefused(`schedule --from ${writeFile('odd.csv', text)}`, status, message);
  }
});

test('standard output that is full ends in one line, without a stack trace', { skip: !existsSync('/dev/full') }, () => {
  const full = openSync('/dev/full', 'w');
  try {
    const { status, stderr } = spawnSync(
      process.execPath,
      ['bin/doubletrack.js', 'schedule', '1f1b', '--ranks', '2', '--microbatches', '2'],
      { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' },
    );
    assert.match(stderr, /^doubletrack: standard output cannot be written: ENOSPC [^\n]*\n$/);
    assert.equal(status, 1);
  } finally {
    closeSync(full);
  }
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
    const examples = help.stdout.match(/(?<=^ {2}doubletrack )(?!simulate --replay).*$/gm) ?? ['no example'];
    for (const example of examples) assert.equal((await runCommand(example)).status, 0, `${command}: ${example}`);
  }
});
