import type { TrainingConfig } from '../config/index.js';
import { createTrainingBenchmark } from './benchmark.js';

/** A process that trains a few steps and tells its own peak memory, which a process that does other things too could not. */
process.once('message', async ({ config, steps }: { config: TrainingConfig; steps: number }) => {
  const benchmark = await createTrainingBenchmark(config);
  for (let step = 0; step < steps; step++) await benchmark.step();
  const bytes = process.resourceUsage().maxRSS * 1024;
  await benchmark.close();
  process.send?.(bytes, () => process.exit(0));
});
