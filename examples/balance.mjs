// Places experts from counts of tokens with the library, as a program that has its counts at hand would: `node examples/balance.mjs`.
import {
  createLoads,
  createMachine,
  measureBalancedness,
  measureEvenLoads,
  measureGpuLoads,
  placeExperts,
  rebalanceExperts,
} from 'doubletrack/balance';

// One window, one layer, eight experts; eight GPUs with two slots each.
const loads = createLoads([[[600, 560, 120, 120, 20, 10, 10, 10]]]);
const machine = createMachine({ gpus: 8, slots: 16 });

const deepseek = rebalanceExperts(loads.counts, { layers: 1, experts: 8, slots: 16, groups: 1, nodes: 1, gpus: 8 });
show("DeepSeek's EPLB", { layers: 1, experts: 8, slots: 16, physicalToLogical: deepseek.physicalToLogical });

const best = placeExperts(loads, machine);
show('best', best.placement);
console.log(`no placement has less than ${best.lowerBound[0].toFixed(2)} on its most loaded GPU`);

function show(name, placement) {
  const gpuLoads = measureGpuLoads(placement, loads, machine);
  const even = measureEvenLoads(loads, machine);
  const { ratioOfSums } = measureBalancedness(gpuLoads, even, { windows: 1, gpus: machine.gpus });
  const largest = Math.max(...gpuLoads).toFixed(2);
  console.log(
    `${name}: ${placement.physicalToLogical.join(' ')}; largest ${largest}, balancedness ${ratioOfSums.toFixed(4)}`,
  );
}
