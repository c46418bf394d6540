import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { describeLostRun, lastSavedStep, resumeCommand } from './go-on.js';
import { ownCommand, quoteWord } from './own-command.js';

const home = process.cwd();
const folder = mkdtempSync(join(tmpdir(), 'go-on-'));
process.chdir(folder);
after(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});
for (const step of [5, 15, 'half']) mkdirSync(join('runs/a', 'checkpoints', String(step)), { recursive: true });

describe('the command of this program', () => {
  it('is that by which it was started', () => {
    assert.equal(ownCommand(['node', '/x/doubletrack'], { npm_command: 'exec' }), 'npx doubletrack');
    assert.equal(ownCommand(['node', join(folder, 'bin/doubletrack.js')], {}), 'node bin/doubletrack.js');
    assert.equal(ownCommand(['node', '/my bin/doubletrack.js'], {}), "node '/my bin/doubletrack.js'");
  });

  it('is its name alone only where that is found', () => {
    writeFileSync('doubletrack', '');
    chmodSync('doubletrack', 0o755);
    const script = join(folder, 'doubletrack');
    assert.equal(ownCommand(['node', script], { PATH: `/nowhere:${folder}` }), 'doubletrack');
    assert.equal(ownCommand(['node', script], { PATH: '/nowhere' }), 'node doubletrack');
  });

  it('has words as a shell reads them', () => {
    assert.equal(quoteWord("it's"), "'it'\\''s'");
    assert.equal(quoteWord('runs/2026-01-01T00-00-00'), 'runs/2026-01-01T00-00-00');
    assert.match(resumeCommand('a b', 2), / train --resume 'a b'$/);
  });
});

describe('what is said of a run whose rank was lost', () => {
  const started = new Date('2026-03-04T05:06:07Z');
  const tell = (...words: string[]) => describeLostRun(['node', 'doubletrack.js', ...words], started);

  it('names its last checkpoint and how to go on', () => {
    assert.equal(lastSavedStep('runs/a'), 15);
    for (const flags of [['--out', 'runs/a'], ['--out=runs/a'], ['--resume', 'runs/a']])
      assert.match(
        tell('train', ...flags),
        /^ \(runs\/a, last checkpoint: step 15\): go on with .* train --resume runs\/a$/,
      );
  });

  it('says that there is no checkpoint yet', () => {
    assert.match(
      tell('train', '--out', 'runs/none'),
      /^ \(runs\/none, no checkpoint yet\): begin again with .* runs\/none$/,
    );
  });

  it('finds the run that no flag names by its time, if there is one of that time', () => {
    assert.match(tell('train'), /^: go on with train --resume and the run that the first line names$/);
    mkdirSync(join('runs/2026-03-04T05-06-09', 'checkpoints', '3'), { recursive: true });
    assert.match(tell('train', 'config.toml'), /^ \(runs\/2026-03-04T05-06-09, last checkpoint: step 3\): go on with /);
    mkdirSync('runs/2026-03-04T05-06-09-2');
    assert.match(tell('train'), /the first line names$/);
  });

  it('is nothing of another command', () => {
    assert.equal(tell('eval', '--checkpoint', 'x'), '');
  });
});
