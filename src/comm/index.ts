export { abortThreads, createThreadsMemory, type ThreadsMemory } from './threads/memory.js';
export { createThreadsTransport } from './threads/transport.js';
export type { ChannelSpec, Transport } from './transport.js';
