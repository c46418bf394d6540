import type { Command } from 'commander';
import {
  boundLayers,
  countReplicas,
  describeWindows,
  estimatePlacement,
  gapOf,
  listMeasures,
  looksFitted,
  measurePlacement,
  type Placement,
  sumWindows,
  toRows,
} from '../balance/index.js';
import { drawHeatMapSvg, mapGpuLoads } from '../draw/index.js';
import { fitPlacement, placedDocument, readPlacement } from '../formats/index.js';
import { addSourceFlags, readSharedFlags } from './balance-flags.js';
import { readLoads, readMachine, type SourceFlags } from './balance-input.js';
import { drawHeatMaps, formatMeasures } from './balance-report.js';
import { checkOutputs, takeGpus } from './input-files.js';
import { writeNotes, writeOutput } from './output.js';

interface ScoreFlags extends SourceFlags {
  readonly svg?: string;
  readonly json?: boolean;
}

/** `doubletrack balance score`: measures a placement on loads that it need not be made from. */
export function addScoreCommand(balance: Command): void {
  const command = balance
    .command('score')
    .description('Measure a placement on loads that it was not made from.')
    .argument('<placement>', "a placement: an engine's file, or the JSON of balance")
    .argument('<loads...>', 'recorded loads, as for balance');
  addSourceFlags(command)
    .option('--svg <file>', 'draw the load of each GPU')
    .option('--json', 'print the measures as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  doubletrack balance score examples/placement.json examples/loads.json --gpus 8',
    )
    .action((placement: string, loads: readonly string[], _: unknown, score: Command) =>
      runScore(placement, loads, readSharedFlags(balance, score)),
    );
}

const FLATTERED = 'the placement looks made from these very windows, which flatters it: on others its balance is lower';

/** A warning where no slot holds an expert, as where GPUs are excluded. */
function noteLost(placement: Placement): readonly string[] {
  const lost = countReplicas(placement).reduce((sum, replicas) => sum + (replicas === 0 ? 1 : 0), 0);
  return lost === 0
    ? []
    : [`warning: experts without a slot, all layers together: ${lost}; their tokens are in no load`];
}

async function runScore(placementPath: string, loadsPaths: readonly string[], flags: ScoreFlags): Promise<void> {
  checkOutputs([flags.svg], [placementPath, ...loadsPaths, flags.gpuSpeeds]);
  const input = await readLoads(loadsPaths, flags);
  const { loads, recorded, layerNumbers } = input;
  const read = readPlacement(placementPath, { experts: loads.experts });
  const machine = readMachine(takeGpus(flags, read, placementPath), read.placement);
  const { placement, notes } = fitPlacement(read, input, machine, { where: placementPath });
  const measured = measurePlacement(placement, loads, machine, recorded.routes);
  const lowerBound = boundLayers(sumWindows(loads), machine, measured.maxGpuLoad);
  const isFitted = looksFitted(placement, loads, machine);
  const said = [...recorded.notes, ...read.notes, ...notes, ...noteLost(placement), ...(isFitted ? [FLATTERED] : [])];
  writeNotes(said);
  const estimate = isFitted ? undefined : estimatePlacement(placement, loads, machine);
  const map = mapGpuLoads(`load${describeWindows(loads)}`, measured, machine, layerNumbers);
  const title = `${placementPath} on ${loadsPaths.join(', ')}`;
  if (flags.svg !== undefined) await writeOutput(drawHeatMapSvg([map], title), flags.svg);
  if (flags.json === true) {
    const { gpuLoad, maxGpuLoad, balancedness, duplicates, windows, spread } = measured;
    const document = {
      ...placedDocument(placement, machine, input),
      gpuLoad: toRows(gpuLoad, machine.gpus),
      balancedness,
      ...(estimate === undefined ? {} : { balancednessSpread: estimate.spread }),
      lowerBound: [...lowerBound],
      maxGpuLoad: [...maxGpuLoad],
      gap: gapOf(maxGpuLoad, lowerBound),
      duplicates,
      windows: { count: loads.windows, ...windows },
      ...(spread === undefined ? {} : { traffic: spread }),
      notes: said,
    };
    await writeOutput(`${JSON.stringify(document)}\n`, undefined);
    return;
  }
  const others =
    estimate === undefined
      ? ''
      : `On other windows of the same kind the ratio of sums is ${estimate.value.toFixed(4)} ± ${estimate.spread.toFixed(4)}.\n`;
  const gap = `The largest GPU loads are ${(100 * gapOf(measured.maxGpuLoad, lowerBound)).toFixed(2)}% above the lower bound.\n`;
  await writeOutput(
    [
      `${title}\n`,
      drawHeatMaps([map]),
      formatMeasures({ columns: ['load'], rows: listMeasures([measured]) }),
      `${others}${gap}`,
    ].join('\n'),
    undefined,
  );
}
