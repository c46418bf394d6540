import type { OptimizerConfig } from '../config/index.js';

/**
 * Learning rate of step `step` (from 1) of `steps`: rises linearly over the warm-up, then falls as half a cosine to the minimum at the last step.
 * Source: SGDR (arXiv 1608.03983) equation 5, without restarts.
 */
export function learningRateAt(optimizer: OptimizerConfig, step: number, steps: number): number {
  const { learningRate, minimumLearningRate, warmupSteps } = optimizer;
  if (step <= warmupSteps) return (learningRate * step) / warmupSteps;
  const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
  return (
    minimumLearningRate + ((learningRate - minimumLearningRate) * (1 + Math.cos(Math.PI * Math.min(1, progress)))) / 2
  );
}
