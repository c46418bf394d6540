import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { withTemporary } from './temporary.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-temporary-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file and a folder that never get done, and says so once something of both is there. */
const endless = `
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileWhole, writeFolderWhole } from '${new URL('./index.js', import.meta.url).href}';
async function* forEver() {
  yield 'a beginning';
  await new Promise((resolve) => setTimeout(resolve, 1e6));
}
const [folder] = process.argv.slice(-1);
void writeFolderWhole(join(folder, 'checkpoint'), async (temporary) => {
  writeFileSync(join(temporary, 'part'), '');
  void writeFileWhole(join(folder, 'out.csv'), forEver());
  await writeFileWhole(join(temporary, 'model'), (async function* () {
    yield 'a beginning';
    console.log('writing');
    yield* forEver();
  })());
});
`;

describe('what is being written', () => {
  it('is removed where a signal ends the process, of which it then dies', async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const child = spawn(process.execPath, ['--input-type=module', '--eval', endless, '--', folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      assert.equal(readdirSync(folder).filter((name) => name.endsWith('.tmp')).length, 2);
      child.kill(signal);
      assert.deepEqual(await once(child, 'exit'), [null, signal]);
      assert.deepEqual(readdirSync(folder), []);
    }
  });

  it('stays where something else decides what the signal does, also if that was for once', async () => {
    const path = join(folder, 'kept');
    let heard = 0;
    process.once('SIGTERM', () => {
      heard += 1;
    });
    await withTemporary(path, async () => {
      writeFileSync(path, '');
      process.emit('SIGTERM', 'SIGTERM');
      await Promise.resolve();
    });
    assert.equal(heard, 1);
    assert.ok(existsSync(path));
    assert.equal(process.listenerCount('SIGTERM'), 0);
  });
});
