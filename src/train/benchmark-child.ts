import { DoubletrackError } from '../base/index.js';
import { createTrainingBenchmark } from './benchmark.js';
import type { BenchmarkReply, BenchmarkRequest } from './benchmark-process.js';
import type { Sample } from './race.js';

/** A process that trains a few steps, and tells their times and its own peak memory, which a process that does other things too could not. */
async function measure({ config, leastSteps, seconds }: BenchmarkRequest): Promise<Sample> {
  const benchmark = await createTrainingBenchmark(config);
  await benchmark.step();
  const stepSeconds: number[] = [];
  while (stepSeconds.length < leastSteps || process.uptime() < seconds) stepSeconds.push(await benchmark.step());
  const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
  await benchmark.close();
  return { stepSeconds, peakMemoryBytes };
}

async function answer(request: BenchmarkRequest): Promise<BenchmarkReply> {
  try {
    return { kind: 'sample', ...(await measure(request)) };
  } catch (error) {
    if (error instanceof DoubletrackError) return { kind: 'failed', problem: error.problem };
    return { kind: 'failed', problem: { what: error instanceof Error ? error.message : String(error) } };
  }
}

// Ctrl-C reaches every process of a terminal; the one that started this one decides, and this one ends with it.
process.on('SIGINT', () => undefined);
process.once('disconnect', () => process.exit(1));
process.once('message', async (request: BenchmarkRequest) => {
  const reply = await answer(request);
  process.send?.(reply, () => process.exit(0));
});
