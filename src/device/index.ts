export type { Call, Engine, Kernel, TensorHandle, TensorMemory } from './engine.js';
