import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCommand } from './run-command.js';

const home = process.cwd();
const folder = mkdtempSync(join(tmpdir(), 'doubletrack-simulation-'));
after(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

const text = readFileSync('docs/simulation.md', 'utf8');

test('the commands of docs/simulation.md run as printed', async () => {
  cpSync('examples', join(folder, 'examples'), { recursive: true });
  const commands = [...text.matchAll(/^npx doubletrack (simulate .*)$/gm)].map(([, line]) => line as string);
  assert.ok(commands.length >= 6);
  process.chdir(folder);
  for (const line of commands) {
    const { status, stderr, stdout } = await runCommand(line);
    assert.equal(status, 0, `${line}: ${stderr}`);
    const file = / --out (\S+)/.exec(line)?.[1];
    assert.ok(file === undefined ? stdout !== '' : existsSync(file), line);
  }
  process.chdir(home);
});

test('the makespans that docs/simulation.md names are those of the command', async () => {
  const rows = [...text.matchAll(/^\| `([\w-]+)` (P = [^|]*)\|([^|]*)\|([^|]*)\|$/gm)];
  assert.equal(rows.length, 6);
  for (const [, name, sizes, makespans, idles] of rows as unknown as [string, string, string, string, string][]) {
    const numbers = (list: string) => (list.match(/\d+/g) ?? []).map(Number);
    const cases = sizes.split(';').flatMap((part) => {
      const [ranks, ...microbatches] = numbers(part);
      return microbatches.map((count) => [ranks, count] as const);
    });
    for (const [index, [ranks, microbatches]] of cases.entries()) {
      const line = `simulate ${name} --ranks ${ranks} --microbatches ${microbatches} --json`;
      const { makespan, idle } = JSON.parse((await runCommand(line)).stdout);
      assert.equal(makespan, numbers(makespans)[index], line);
      assert.deepEqual(new Set(idle), new Set([numbers(idles)[index] ?? numbers(idles)[0]]), line);
    }
  }
});
