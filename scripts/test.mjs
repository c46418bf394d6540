// Runs every compiled test file with Node's own runner: `npm test [-- PART_OF_A_FILE_NAME ...]`.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const parts = process.argv.slice(2);
const files = ['src', 'test']
  .map((folder) => join('dist', folder))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => join(folder, String(file))))
  // A compiled test whose source is gone must not run.
  .filter((file) => file.endsWith('.test.js') && existsSync(file.replace(/^dist./, '').replace(/\.js$/, '.ts')))
  .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
  .sort();
if (files.length === 0) {
  console.error('no test file matches');
  process.exit(1);
}
// Node runs one file less at once than there are cores; most files keep one core busy.
const atOnce = Math.max(2, availableParallelism() - 1);
const flags = ['--test', `--test-concurrency=${atOnce}`, '--test-reporter=spec'];
const { status } = spawnSync(process.execPath, [...flags, ...files], { stdio: 'inherit' });
process.exit(status ?? 1);
