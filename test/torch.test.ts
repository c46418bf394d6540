import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCommand } from './run-command.js';

const python = process.env.DOUBLETRACK_PYTHON ?? 'python3';
const hasTorch =
  spawnSync(python, ['-c', 'from torch.distributed.pipelining.schedules import _PipelineScheduleRuntime']).status === 0;
const skip = hasTorch || process.env.DOUBLETRACK_ALL_TESTS !== undefined ? false : `${python} has no torch`;

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-torch-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Loaded {
  readonly torch: string;
  readonly schedules: readonly Readonly<Record<Mode, readonly (readonly string[])[]>>[];
}
type Mode = 'compute_only' | 'compute_comms';

/** A schedule to load: `microbatches` of each chain, as PyTorch counts them. */
interface Case {
  readonly line: string;
  readonly stages: number;
  readonly ranks: number;
  readonly microbatches: number;
}

const cases: readonly Case[] = [
  { line: 'gpipe --ranks 4 --microbatches 8', stages: 4, ranks: 4, microbatches: 8 },
  { line: '1f1b --ranks 4 --microbatches 9', stages: 4, ranks: 4, microbatches: 9 },
  { line: 'interleaved --ranks 2 --microbatches 8 --stages-per-rank 4', stages: 8, ranks: 2, microbatches: 8 },
  { line: 'zb-h1 --ranks 4 --microbatches 8', stages: 4, ranks: 4, microbatches: 8 },
  { line: 'zb-v --ranks 4 --microbatches 8', stages: 8, ranks: 4, microbatches: 8 },
  { line: 'dualpipev --ranks 4 --microbatches 10', stages: 8, ranks: 4, microbatches: 10 },
];
/** PyTorch knows one chain of stages only, so it takes the two of DualPipe with their communication, which it does not add itself. */
const twoChains: Case = { line: 'dualpipe --ranks 4 --microbatches 8', stages: 8, ranks: 4, microbatches: 4 };

async function exportCsv(line: string, name: string): Promise<string> {
  const file = join(folder, `${name}.csv`);
  const result = await runCommand(`schedule ${line} --format csv --out ${file}`);
  assert.deepEqual(result, { status: 0, stdout: '', stderr: '' });
  return file;
}

function load(files: readonly { readonly mode: Mode; readonly file: string; readonly of: Case }[]): Loaded {
  const parameters = files.map(
    ({ mode, file, of: { stages, ranks, microbatches } }) => `${mode}:${stages}:${ranks}:${microbatches}:${file}`,
  );
  const result = spawnSync(python, ['test/load-schedule.py', ...parameters], { encoding: 'utf8' });
  assert.equal(result.status, 0, result.stderr);
  return JSON.parse(result.stdout);
}

const rowsOf = (file: string): string[][] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\r\n')
    .map((row) => row.split(','));

test('PyTorch loads what is exported, with and without communication, and adds the same communication', {
  skip,
}, async () => {
  const version = load([]).torch;
  const [major, minor] = version.split('.').map(Number) as [number, number];
  const release = major > 2 || minor >= 15 ? '2.15' : '2.14';
  const exported = [];
  for (const [index, of] of cases.entries()) {
    const compute = await exportCsv(of.line, `compute-${index}`);
    const comms = await exportCsv(`${of.line} --comms --torch ${release}`, `comms-${index}`);
    exported.push({ mode: 'compute_only', file: compute, of, comms } as const);
    exported.push({ mode: 'compute_comms', file: comms, of, comms } as const);
  }
  const mirrored = await exportCsv(`${twoChains.line} --comms --torch ${release}`, 'two-chains');
  exported.push({ mode: 'compute_comms', file: mirrored, of: twoChains, comms: mirrored } as const);
  const { schedules } = load(exported);
  assert.equal(schedules.length, exported.length);
  for (const [index, { mode, file, comms }] of exported.entries()) {
    assert.deepEqual(schedules[index]?.[mode], rowsOf(file), file);
    assert.deepEqual(schedules[index]?.compute_comms, rowsOf(comms), file);
  }
});
