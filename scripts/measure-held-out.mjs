// What `doubletrack balance` says of gains, held against windows that it never saw, for docs/measurements.md:
// `npm run build && node scripts/measure-held-out.mjs [--markdown] [--draws 1] [RECORDING.json ...]`.
// A draw is 24 made data sets. Of recordings that are named, the later half is kept from the command.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  createLoads,
  createMachine,
  measureGpuLoads,
  migratePlacement,
  pickWindows,
  placeExperts,
  placeInOrder,
  solveBalance,
} from 'doubletrack/balance';
import { createRandom } from '../dist/src/base/index.js';
import { readExpertLoads } from '../dist/src/formats/index.js';

const { values: flags, positionals } = parseArgs({
  options: { markdown: { type: 'boolean' }, draws: { type: 'string', default: '1' } },
  allowPositionals: true,
});

const sizes = [
  { layers: 4, experts: 64, gpus: 8, slots: 72, windows: 12, noise: 0.3 },
  { layers: 3, experts: 32, gpus: 8, slots: 40, windows: 8, noise: 0.15 },
  { layers: 3, experts: 128, gpus: 16, slots: 160, windows: 24, noise: 0.3 },
];
/** How the popularity of experts goes on from one window to the next; with two domains, a window is of one of them. */
const kinds = {
  'one distribution': { drift: 0, domainOf: () => 0 },
  drifting: { drift: 0.5, domainOf: () => 0 },
  'two domains in turn': { drift: 0, domainOf: (window) => window % 2 },
  'two domains at random': { drift: 0, domainOf: (_, random) => (random.uniform() < 0.5 ? 0 : 1) },
};
const currents = ['in order', "DeepSeek's of these windows", "DeepSeek's of earlier windows"];

/** 24 data sets of a draw: every kind in every size twice, with the placements now in turn. */
function listMade(draw) {
  return Object.keys(kinds).flatMap((kind) =>
    sizes.flatMap((size, index) =>
      [0, 1].map((twice) => ({
        kind,
        size,
        current: currents[(index + twice + draw) % currents.length],
        seed: 2 * draw + twice + 1,
      })),
    ),
  );
}

/** Windows of log-normal popularity: those of the past, those that are recorded, and those to come. */
function makeWindows({ kind, size, seed }) {
  const { layers, experts, windows, noise } = size;
  const { drift, domainOf } = kinds[kind];
  const random = createRandom(seed, 'held out', kind, experts);
  const draw = () => Float64Array.from({ length: layers * experts }, () => random.normal());
  let domains = [draw(), draw()].map((values) => values.map((value) => 0.7 * value));
  const later = drift > 0 ? windows : 100;
  const counts = Array.from({ length: 2 * windows + later }, (_, window) => {
    const popularity = domains[domainOf(window, random)];
    const own = draw();
    const rates = popularity.map((value, i) => 500 * Math.exp(value + noise * own[i]));
    const row = rates.map((rate) => Math.max(0, Math.round(rate + Math.sqrt(rate) * random.normal())));
    const step = draw();
    domains = domains.map((values) => values.map((value, i) => value + (drift / Math.sqrt(windows)) * step[i]));
    return Array.from({ length: layers }, (__, layer) => [...row.subarray(layer * experts, (layer + 1) * experts)]);
  });
  const part = (from, to) => createLoads(counts.slice(from, to));
  return { past: part(0, windows), seen: part(windows, 2 * windows), fresh: part(2 * windows, counts.length) };
}

/** The sum of the largest GPU loads of all windows and layers. */
function totalOf(placement, loads, machine) {
  const gpuLoads = measureGpuLoads(placement, loads, machine);
  let total = 0;
  for (let start = 0; start < gpuLoads.length; start += machine.gpus)
    total += Math.max(...gpuLoads.subarray(start, start + machine.gpus));
  return total;
}

/** What is said with each limit of moves, and what the same placements gain on windows that nobody has seen. */
function measure({ seen, fresh, current, machine, isTimed = true }) {
  const solve = (mostMoves) =>
    solveBalance(
      { loads: seen, machine, current, policy: 'best', strategy: 'auto', groups: 1, seed: 0, isTimed, mostMoves },
      { now: () => performance.now() },
    );
  const solutions = [1, 10, 100, undefined].map(solve);
  const { verdict, placement, objective, heldOut } = solutions.at(-1);
  const { gain, spread, moves } = verdict.found;
  const target = placeExperts(seen, machine, { objective }).placement;
  const way = { objective, keepsNodes: false, mostMoves: moves, mostWindows: 4 };
  const found = verdict.isWorthIt ? placement : migratePlacement(seen, machine, current, target, way).placement;
  const gains = solutions.map((solution) => solution.verdict.found.gain);
  return {
    said: `${percent(gain)} ± ${percent(spread)}`,
    fresh: 1 - totalOf(found, fresh, machine) / totalOf(current, fresh, machine),
    isInside: Math.abs(1 - totalOf(found, fresh, machine) / totalOf(current, fresh, machine) - gain) <= spread,
    advice: verdict.isWorthIt ? `move ${verdict.moves}` : 'keep',
    isRight: solutions.every(
      (solution) =>
        !solution.verdict.isWorthIt || totalOf(solution.placement, fresh, machine) < totalOf(current, fresh, machine),
    ),
    isMonotone: gains.every((value, i) => i === 0 || value >= gains[i - 1]),
    objective: `${objective}${heldOut.drifts ? ', drifts' : ''}`,
  };
}

function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}

function measureMade(made) {
  const { layers, experts, gpus, slots, windows } = made.size;
  const machine = createMachine({ gpus, slots });
  const { past, seen, fresh } = makeWindows(made);
  const deepseek = (loads) => placeExperts(loads, machine, { policy: 'deepseek' }).placement;
  const ways = {
    [currents[0]]: () => placeInOrder({ layers, experts, slots }),
    [currents[1]]: () => deepseek(seen),
    [currents[2]]: () => deepseek(past),
  };
  const name = `${made.kind}, ${layers} x ${experts} experts, ${windows} windows`;
  return { name, current: made.current, ...measure({ seen, fresh, current: ways[made.current](), machine }) };
}

/** A recording of which some windows are seen and the others fresh. */
function measureRecorded(name, loads, { seen, gpus, slots, isTimed }) {
  const { layers, experts, windows } = loads;
  const machine = createMachine({ gpus, slots });
  const fresh = Array.from({ length: windows }, (_, window) => window).filter((window) => !seen.includes(window));
  const current = placeInOrder({ layers, experts, slots });
  const parts = { seen: pickWindows(loads, seen), fresh: pickWindows(loads, fresh), current, machine, isTimed };
  return { name, current: currents[0], ...measure(parts) };
}

function measureDomains() {
  const { domains } = JSON.parse(readFileSync(new URL('../examples/loads.json', import.meta.url), 'utf8'));
  const names = Object.keys(domains);
  const loads = createLoads(Object.values(domains));
  return [
    [0, 1],
    [2, 3],
    [4, 5],
  ].map((left) => {
    const seen = names.map((_, window) => window).filter((window) => !left.includes(window));
    const name = `OLMoE, without ${left.map((window) => names[window]).join(' and ')}`;
    return measureRecorded(name, loads, { seen, gpus: 8, slots: 72, isTimed: false });
  });
}

async function measureFile(path) {
  const { loads } = await readExpertLoads(path);
  const seen = Array.from({ length: Math.floor(loads.windows / 2) }, (_, window) => window);
  const slots = Math.ceil((loads.experts * 9) / 8 / 4) * 4;
  return measureRecorded(path.replace(/^.*\//, ''), loads, { seen, gpus: 4, slots, isTimed: true });
}

const rows = [];
const report = (row) => {
  rows.push(row);
  const { name, current, said, fresh, isInside, advice, isRight, isMonotone, objective } = row;
  const marks = [isInside ? 'yes' : 'NO', isRight ? '' : 'moved for nothing', isMonotone ? '' : 'more moves gain less'];
  const cells = [
    name,
    current,
    objective,
    advice,
    said,
    percent(fresh),
    marks.filter((mark) => mark !== '').join(', '),
  ];
  console.log(flags.markdown ? `| ${cells.join(' | ')} |` : cells.join('; '));
};
if (flags.markdown) {
  console.log('| loads | placement now | made small | advice | gain said | on fresh windows | within |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
}
const draws = Array.from({ length: Number(flags.draws) }, (_, draw) => draw);
for (const made of draws.flatMap(listMade)) report(measureMade(made));
const madeCount = rows.length;
for (const row of measureDomains()) report(row);
for (const path of positionals) report(await measureFile(path));
const count = (some, is) => some.filter(is).length;
const [made, recorded] = [rows.slice(0, madeCount), rows.slice(madeCount)];
console.log(
  `\n${count(made, (row) => row.isInside)} of ${made.length} made data sets and ` +
    `${count(recorded, (row) => row.isInside)} of ${recorded.length} recordings within the spread; ` +
    `${count(rows, (row) => row.advice !== 'keep')} advised to move, ${count(rows, (row) => !row.isRight)} moved for nothing; ` +
    `more moves gained less in ${count(rows, (row) => !row.isMonotone)}`,
);
