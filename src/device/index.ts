export { findPinningObstacle, listCores, type Pinned, pinThread } from './affinity.js';
export { type Arena, allocate, createArena } from './arena.js';
export { assignCores, type Core, type CoresRequest, type RankCores } from './cores.js';
export type { Call, Engine, Kernel, TensorHandle, TensorMemory } from './engine.js';
export { createOnnxEngine } from './onnx-engine.js';
export { type AdamwState, type AdamwStep, createOptimizerKernels, type OptimizerKernels } from './optimizer.js';
export { type ProcessLimit, readProcessLimits } from './process-limits.js';
export { readThreadCpuSeconds } from './thread-clock.js';
