import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { placementFormats } from '../../src/formats/index.js';
import { runCommand } from '../run-command.js';
import { assertAccessible, assertFits, isInSight, openPage, openSettings, skipWithoutBrowser } from './browser.js';
import {
  alerts,
  assertAsCommand,
  drop,
  facts,
  folder,
  give,
  gzipped,
  read,
  recordings,
  result,
  serveView,
  sglang,
  twoLayers,
  write,
  writeLarge,
  writeStatistics,
} from './placement-view.js';

describe('the view Placement', { skip: skipWithoutBrowser }, () => {
  const open = serveView();

  it('begins with an example, of which it shows what the command finds', async () => {
    const { page, problems, close } = await open();
    await page.getByText('Which expert belongs on which GPU?').waitFor();
    await page.getByRole('button', { name: 'Try the example' }).click();
    await result(page).waitFor();
    assert.match((await facts(page).textContent()) ?? '', /6 domains .*, 3 layers × 64 experts/);
    const { stdout } = await runCommand('balance examples/loads.json --gpus 8 --slots 72 --json');
    type Measures = Readonly<Record<string, number>>;
    const { balancedness, heldOut, gap } = JSON.parse(stdout) as {
      readonly balancedness: Measures;
      readonly heldOut: {
        readonly before: Measures;
        readonly after: Measures;
        readonly deepseek: Measures;
        readonly balancedness: { readonly spread: number };
      };
      readonly gap: number;
    };
    const summary = page.getByRole('region', { name: 'Placement', exact: true });
    const figures = (await summary.textContent()) ?? '';
    const shown = [heldOut.after.ratioOfSums, heldOut.balancedness.spread, balancedness.ratioOfSums];
    for (const value of shown) assert.ok(figures.includes(value.toFixed(4)), figures);
    assert.ok(figures.includes(`${(100 * gap).toFixed(3)}%`), figures);
    const table = page.getByRole('region', { name: 'Measures before and after' });
    for (const [name, key] of [
      ['ratio of sums (vLLM)', 'ratioOfSums'],
      ['mean of ratios (SGLang)', 'meanOfRatios'],
      ['(TensorRT-LLM)', 'imbalance'],
      ['(p50)', 'p50'],
      ['(p99)', 'p99'],
    ] as const) {
      const cells = await table.getByRole('row').filter({ hasText: name }).getByRole('cell').allTextContents();
      const [before, after, deepseek, own] = [heldOut.before, heldOut.after, heldOut.deepseek, balancedness].map(
        (measures) => measures[key].toFixed(4),
      );
      const spread = key === 'ratioOfSums' ? ` ± ${heldOut.balancedness.spread.toFixed(4)}` : '';
      assert.deepEqual(cells, [before, `${after}${spread}`, deepseek, own]);
    }
    await assertAsCommand(page, 'examples/loads.json --gpus 8 --slots 72', placementFormats);
    assert.deepEqual(problems, []);
    await close();
  });

  it('reads files of engines, and places them as the command does', async () => {
    const { page, problems, close } = await open('?gpus=4');
    await give(page, sglang);
    assert.equal(await facts(page).textContent(), 'SGLang: 2 layers × 8 experts, 708 tokens');
    await assertAsCommand(page, `${sglang} --gpus 4 --slots 12`, placementFormats);
    await give(page, gzipped);
    await page.getByText('JSON by domain: 6 domains').waitFor();
    await assertAsCommand(page, `${gzipped} --gpus 4 --slots 72`);
    await give(page, `${recordings}/sglang-stat.pt`);
    await page.getByText('SGLang: 3 windows, 2 layers × 4 experts').waitFor();
    await assertAsCommand(page, `${recordings}/sglang-stat.pt --gpus 4 --slots 8`, ['sglang', 'json']);
    assert.deepEqual(problems, []);
    await close();
  });
});

describe('folders and files in the view Placement', { skip: skipWithoutBrowser }, () => {
  const open = serveView();

  it('reads folders, and says what it read of them', async () => {
    const { page, problems, close } = await open('?gpus=2');
    const statistics = await writeStatistics();
    await give(page, statistics, 'folder');
    await page.getByText('the files of 2 ranks were summed').waitFor();
    assert.equal(await page.locator('.where').first().textContent(), 'statistics');
    await assertAsCommand(page, `${statistics} --gpus 2 --slots 10`, ['tensorrt-llm', 'json']);
    const run = join(folder, 'run');
    mkdirSync(join(run, 'loads'), { recursive: true });
    const window = [
      [5, 1],
      [2, 2],
    ];
    writeFileSync(join(run, 'metrics.jsonl'), '');
    writeFileSync(join(run, 'loads/0000001-0000002.json'), JSON.stringify({ logical_count: [window, window] }));
    writeFileSync(join(run, 'loads/0000003-0000003.json'), JSON.stringify({ logical_count: [window] }));
    await give(page, run, 'folder');
    await page.getByText('3 steps in 2 files').waitFor();
    await assertAsCommand(page, `${join(run, 'loads')} --gpus 2 --slots 4`);
    assert.deepEqual(problems, []);
    await close();
  });

  it('takes what is dropped, and lets a person choose among several files', async () => {
    const { page, problems, close } = await open('?gpus=4');
    await drop(page, { 'b.json': twoLayers, 'a.json': { domains: { only: [[7, 1, 1]] } }, 'readme.md': 'no loads' });
    await page.getByText('1 domain (only)').waitFor();
    await page.getByLabel('What to read').selectOption('b.json');
    await page.getByText('SGLang: 2 layers × 8 experts').waitFor();
    await assertAsCommand(page, `${sglang} --gpus 4 --slots 12`);
    assert.deepEqual(problems, []);
    await close();
  });
});

describe('what goes wrong in the view Placement', { skip: skipWithoutBrowser }, () => {
  const open = serveView();

  it('says what is wrong with a bad file, and goes on with what was there', async () => {
    const { page, problems, close } = await open();
    await give(page, write('bad.json', { logical_count: [[[1, -2]]] }));
    await alerts(page).waitFor();
    assert.match((await alerts(page).textContent()) ?? '', /expert 1 is -2.*bad\.json.*How to mend it/);
    await assertAccessible(page);
    await give(page, sglang);
    await result(page).waitFor();
    assert.equal(await alerts(page).count(), 0);
    await give(page, write('placement.json', { physical_to_logical_map: [[0, 1]] }));
    await page.getByText('It is a placement of SGLang, not loads').waitFor();
    assert.ok(await isInSight(alerts(page)));
    assert.equal(await alerts(page).count(), 1);
    assert.match((await facts(page).textContent()) ?? '', /2 layers × 8 experts/);
    await result(page).waitFor();
    await give(page, [write('one.md', ''), write('two.md', '')]);
    await page.getByText('None of these 2 files holds loads').waitFor();
    await give(page, sglang);
    await result(page).waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('asks for the part of a file in which loads lie deeper', async () => {
    const { page, problems, close } = await open('?gpus=4');
    const nested = write('nested.json', { counts: { model: { text: [[5, 1, 2, 3]] } } });
    await give(page, nested);
    await page.getByText('name the part of the file that holds the loads, such as counts').waitFor();
    await page.getByLabel('Part of the file').fill('counts/model');
    await page.keyboard.press('Enter');
    await assertAsCommand(page, `${nested}#counts/model --gpus 4 --slots 8`);
    await page.waitForURL(/part=counts%2Fmodel/);
    assert.deepEqual(problems, []);
    await close();
  });

  it('says which settings cannot be, and shows nothing that they do not belong to', async () => {
    const { page, problems, close } = await open('?loads=example');
    await result(page).waitFor();
    await page.getByLabel('Slots', { exact: true }).fill('70');
    await page.getByText('70 slots do not divide by 8 GPUs').waitFor();
    assert.equal(await alerts(page).count(), 1);
    assert.equal(await page.locator('[data-part=result]').count(), 0);
    await assertAccessible(page);
    await page.getByLabel('Slots', { exact: true }).fill('56');
    await page
      .getByText(/56 slots/)
      .first()
      .waitFor();
    assert.doesNotMatch((await alerts(page).textContent()) ?? '', /--[a-z]/);
    await page.getByLabel('Slots', { exact: true }).fill('80');
    await result(page).waitFor();
    assert.equal(await alerts(page).count(), 0);
    assert.deepEqual(problems, []);
    await close();
  });
});

describe('settings of the view Placement', { skip: skipWithoutBrowser }, () => {
  const open = serveView();

  it('has its settings in its address', async () => {
    const parameters =
      '?loads=example&gpus=16&slots=96&nodes=2&groups=4&policy=deepseek&normalize=1&format=vllm&layer=2';
    const first = await open(parameters);
    assert.equal(await first.page.getByLabel('GPUs', { exact: true }).inputValue(), '16');
    assert.equal(await first.page.getByLabel('Layer', { exact: true }).inputValue(), '2');
    const flags = '--gpus 16 --slots 96 --nodes 2 --groups 4 --policy deepseek --normalize';
    await assertAsCommand(first.page, `examples/loads.json ${flags}`, ['json', 'vllm']);
    await first.page.getByLabel('Policy').selectOption('best');
    await first.page.getByLabel('Windows', { exact: true }).selectOption('worst');
    await first.page.getByLabel('Excluded GPUs').fill('3, 7');
    await first.page.waitForURL(/exclude=3%2C7/);
    const address = first.page.url();
    await first.close();
    const second = await openPage(address);
    assert.equal(await second.page.getByLabel('Excluded GPUs').inputValue(), '3, 7');
    const other = '--gpus 16 --slots 96 --nodes 2 --groups 4 --robust worst --exclude-gpus 3,7 --normalize';
    await assertAsCommand(second.page, `examples/loads.json ${other}`, ['sglang']);
    assert.deepEqual([...first.problems, ...second.problems], []);
    await second.close();
  });

  it('says what has to move from a placement in use, within a limit', async () => {
    const { page, problems, close } = await open('?loads=example&slots=80');
    await result(page).waitFor();
    const zone = page.getByRole('region', { name: 'Placement in use' }).locator('input[type=file]').first();
    await zone.setInputFiles(write('wrong.json', { logical_count: [[1]] }));
    await page.getByText('It is recorded loads, no placement of a known format').waitFor();
    await zone.setInputFiles('examples/placement.json');
    await page.getByText('json: 3 layers, 72 slots').waitFor();
    const flags = 'examples/loads.json --gpus 8 --slots 72 --current examples/placement.json';
    await assertAsCommand(page, flags);
    await page.getByLabel('Limit the moves').check();
    await page.getByLabel('Replicas that may move', { exact: true }).fill('9');
    await page.getByText(/^(Move [0-9] replicas?: gain|Keep the placement: the best that was found moves)/).waitFor();
    await assertAsCommand(page, `${flags} --max-moves 9`);
    await page.getByLabel('Move only what pays').check();
    await page.getByLabel('Seconds to move a replica').fill('1000');
    await page.getByText(/^Keep the placement: /).waitFor();
    await assertAccessible(page);
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('Drop the placement in use now').waitFor();
    assert.deepEqual(problems, []);
    await close();
  });
});

describe('warm-up and work in the view Placement', { skip: skipWithoutBrowser }, () => {
  const open = serveView();

  it('offers to leave out warm-up where there is one', async () => {
    const { page, problems, close } = await open('?gpus=2');
    const dummies = Array.from({ length: 3 }, () => [[9, 9, 9, 9]]);
    const warm = write('warm.json', { logical_count: [...dummies, [[8, 1, 1, 1]], [[7, 2, 1, 1]]] });
    await give(page, warm);
    await page.getByText('the first 3 windows are the same: warm-up?').waitFor();
    await page.getByLabel('Leave out warm-up').check();
    await page.getByText('left out as warm-up').waitFor();
    await assertAsCommand(page, `${warm} --gpus 2 --slots 6 --trim-warmup`);
    assert.deepEqual(problems, []);
    await close();
  });

  it('shows how far it is while it takes what a person does, and can be stopped', async () => {
    const { page, problems, close } = await open('?gpus=64');
    await give(page, writeLarge());
    await page.getByText(/Placing layers: \d+ of \d+/).waitFor();
    await page.getByText('Groups, excluded GPUs, dense layers').click();
    await page.getByLabel('Groups', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Stopped').waitFor();
    assert.equal(await page.getByRole('progressbar').count(), 0);
    await assertAccessible(page);
    await page.getByRole('button', { name: 'Place the experts' }).click();
    await page.getByText(/Placing layers: \d+ of \d+/).waitFor();
    await assertAccessible(page);
    // Other loads are taken at once.
    await give(page, sglang);
    await page.getByText('SGLang: 2 layers × 8 experts').waitFor();
    await result(page).waitFor();
    assert.deepEqual(problems, []);
    await close();
  });
});

describe('the view Placement for anyone', { skip: skipWithoutBrowser }, () => {
  const open = serveView();

  it('is used by keyboard alone', async () => {
    const { page, problems, close } = await open();
    await page.getByRole('button', { name: 'Try the example' }).focus();
    await page.keyboard.press('Enter');
    await result(page).waitFor();
    await page.getByLabel('GPUs, slider').focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText('72 slots of 9 GPUs').waitFor();
    await result(page).waitFor();
    const map = page.getByRole('application', { name: /^Load of each GPU after/ });
    await map.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await page.getByText(/^layer 1, GPU 0: \d\.\d\dx the mean$/).waitFor();
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download SVG' }).focus();
    await page.keyboard.press('Enter');
    assert.match(await read(await waiting), /^<svg/);
    assert.deepEqual(problems, []);
    await close();
  });

  for (const theme of ['light', 'dark'] as const) {
    for (const width of [1280, 390]) {
      it(`is for anyone, ${theme} and ${width} pixels wide`, async () => {
        const { page, problems, close } = await open('', { width, theme });
        await assertAccessible(page);
        await assertFits(page);
        await page.getByRole('button', { name: 'Try the example' }).click();
        await result(page).waitFor();
        await page.getByText('Each layer against its lower bound').click();
        if (width < 900) await openSettings(page);
        await page.getByText('Groups, excluded GPUs, dense layers').click();
        await assertAccessible(page);
        await assertFits(page);
        assert.deepEqual(problems, []);
        await close();
      });
    }
  }
});
