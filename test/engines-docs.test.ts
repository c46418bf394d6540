import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCommand } from './run-command.js';

const home = process.cwd();
const folder = mkdtempSync(join(tmpdir(), 'doubletrack-engines-'));
after(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

const text = readFileSync('docs/engines.md', 'utf8');
const calls = [...text.matchAll(/^npx doubletrack (.*)$/gm)].map(([, line]) => line as string);
const isTemplate = (line: string) => !line.includes('examples/');

/** Flags of the engines that the text names outside their commands. */
const engineFlags = [
  '--deepep-mode',
  '--moe-a2a-backend',
  '--expert-distribution-recorder-buffer-size',
  '--expert-balancedness-report-mode',
  '--enable-metrics',
  '--nnodes',
];

async function flagsOf(command: string): Promise<Set<string>> {
  const { stdout, status } = await runCommand(`${command} --help`);
  assert.equal(status, 0);
  return new Set(stdout.match(/--[a-z][a-z0-9-]*/g));
}

test('the calls of docs/engines.md that name an example run as printed', async () => {
  cpSync('examples', join(folder, 'examples'), { recursive: true });
  const examples = calls.filter((line) => !isTemplate(line));
  assert.ok(examples.length >= 6);
  process.chdir(folder);
  for (const line of examples) {
    const { status, stderr, stdout } = await runCommand(line);
    assert.equal(status, 0, `${line}: ${stderr}`);
    const file = / --out (\S+)/.exec(line)?.[1];
    assert.ok(file === undefined ? stdout !== '' : existsSync(file), line);
  }
  process.chdir(home);
});

test('the other calls of docs/engines.md name a file in capitals, and flags of their command', async () => {
  const templates = calls.filter(isTemplate);
  assert.ok(templates.length >= 4);
  for (const line of templates) {
    assert.match(line, /\b[A-Z]{5,}\b/, line);
    const [command] = /^balance( score)?/.exec(line) ?? [];
    assert.ok(command !== undefined, line);
    const known = await flagsOf(command);
    for (const flag of line.match(/--[a-z][a-z0-9-]*/g) ?? []) assert.ok(known.has(flag), `${flag} in ${line}`);
  }
});

test('each flag that docs/engines.md names is of balance, of a command of an engine on the page, or listed here', async () => {
  const known = await flagsOf('balance');
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(([, block]) => block as string);
  const engineLines = blocks
    .flatMap((block) => block.split('\n'))
    .filter((line) => !line.startsWith('npx doubletrack'));
  const ofEngines = new Set([
    ...engineFlags,
    ...engineLines.flatMap((line) => line.match(/--[a-z][a-z0-9_-]*/g) ?? []),
  ]);
  const named = [...text.matchAll(/`(--[a-z][a-z0-9_-]*)/g)].map(([, flag]) => flag as string);
  assert.ok(named.length > 20);
  for (const flag of named) assert.ok(known.has(flag) || ofEngines.has(flag), flag);
  for (const flag of engineFlags) assert.ok(text.includes(flag), `${flag} is listed here, but not named`);
});

test('the pages and scripts that docs/engines.md links to are there', () => {
  const links = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, link]) => link as string);
  assert.ok(links.length >= 4);
  for (const link of links) assert.ok(existsSync(join('docs', link)), link);
});
