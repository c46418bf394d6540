// What few moves reach after loads have changed, for docs/measurements.md: `npm run build && node scripts/measure-moves.mjs`.
import { createMachine, migratePlacement, placeExperts } from 'doubletrack/balance';
import { createRandom } from '../dist/src/base/index.js';

const [layers, experts, slots, gpus] = [58, 256, 320, 64];
const random = createRandom(0, 'measure moves');
const before = Float64Array.from({ length: layers * experts }, () => Math.round(1000 * Math.exp(random.normal())));
const after = before.map((count) => Math.round(count * Math.exp(0.3 * random.normal())));
const loads = (counts) => ({ windows: 1, layers, experts, counts });

const machine = createMachine({ gpus, slots });
const current = placeExperts(loads(before), machine).placement;
const target = placeExperts(loads(after), machine);
const even = after.reduce((sum, count) => sum + count, 0) / gpus;
const best = even / target.maxGpuLoad.reduce((sum, load) => sum + load, 0);
for (const mostMoves of [0, 500, 1000, 2000, 4000, 8000, undefined]) {
  const start = performance.now();
  const { moves, gain, whole } = migratePlacement(loads(after), machine, current, target.placement, {
    objective: 'mean',
    keepsNodes: false,
    mostMoves,
  });
  // Both gains are of the largest loads now, which the target's balancedness gives.
  const balancedness = (best * (1 - whole.gain)) / (1 - gain);
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `at most ${mostMoves ?? 'any'}: ${moves} moves, balancedness ${balancedness.toFixed(4)}, ${seconds.toFixed(1)} s`,
  );
}
