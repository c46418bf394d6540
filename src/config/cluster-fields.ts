import { choice, integer, number, path, type Values } from './fields.js';
import { scheduleName } from './schedule-names.js';

const share = { above: 0, to: 1 };
const speed = { above: 0, to: 1e7 };
const milliseconds = { above: 0, to: 1e7 };
const latency = { from: 0, to: 1e6 };

const nodeFields = {
  count: integer('Servers.', { from: 1, to: 65_536 }),
  gpus: integer('GPUs of a server.', { from: 1, to: 1024 }),
};

const gpuFields = {
  bf16Tflops: number('Peak of BF16 matrix products, dense, in TFLOP/s.', speed),
  fp8Tflops: number('Peak of FP8 matrix products, dense, in TFLOP/s.', speed),
  sms: integer('Streaming multiprocessors, which computation and communication share.', { from: 2, to: 65_536 }),
  memoryGib: number('Memory in GiB.', { above: 0, to: 1e6 }),
  reservedGib: number('Memory that the model cannot have: context, communication buffers, fragments; in GiB.', {
    from: 0,
    to: 1e6,
  }),
  memoryGbPerS: number('Bandwidth of the memory in GB/s.', speed),
};

const linkFields = {
  insideGbPerS: number('Bandwidth of one GPU to the others of its server, each way, in GB/s.', speed),
  insideLatencyUs: number('Latency inside a server in microseconds.', latency),
  betweenGbPerS: number('Bandwidth of one GPU to other servers, each way, in GB/s.', speed),
  betweenLatencyUs: number('Latency between servers in microseconds.', latency),
  allToAllSms: integer('Multiprocessors from which on the all-to-all uses all of the links.', { from: 1, to: 65_536 }),
  dispatchEfficiency: number('Share of the bandwidth that dispatch reaches with nothing beside it.', share),
  combineEfficiency: number('Share of the bandwidth that combine reaches with nothing beside it.', share),
};

const workFields = {
  gemmEfficiency: number('Share of the peak that matrix products reach which the profile lacks (the head).', share),
  memoryEfficiency: number('Share of the bandwidth of memory that the optimizer and the loss reach.', share),
};

const profileFields = {
  model: path('The config.json of the model that was profiled.', 'the path of a config.json'),
  tokens: integer('Tokens of a GPU in the profiled chunk.', { from: 1, to: 2 ** 30 }),
  sequenceLength: integer('Tokens of a sequence of it.', { from: 1, to: 2 ** 30 }),
  expert: integer('Ranks that shared the experts.', { from: 2, to: 65_536 }),
  communicationSms: integer('Multiprocessors that communication had.', { from: 1, to: 65_536 }),
  recomputation: choice('What the profiled backward recomputes.', ['none', 'selective', 'full']),
  attentionForwardMs: number('Attention of a layer beside communication, in ms; so are the next.', milliseconds),
  attentionBackwardMs: number('Its input gradient.', milliseconds),
  attentionWeightMs: number('Its weight gradient.', milliseconds),
  expertsForwardMs: number('Experts of a layer, the shared one too.', milliseconds),
  expertsBackwardMs: number('Their input gradient.', milliseconds),
  expertsWeightMs: number('Their weight gradient.', milliseconds),
  dispatchForwardMs: number('Tokens to experts, beside computation.', milliseconds),
  combineForwardMs: number("Experts' outputs back to tokens.", milliseconds),
  combineBackwardMs: number('Gradients of outputs to experts.', milliseconds),
  dispatchBackwardMs: number('Gradients of inputs back to tokens.', milliseconds),
};

/** Every table of a cluster file with its fields. */
export const clusterFields = {
  nodes: nodeFields,
  gpu: gpuFields,
  links: linkFields,
  work: workFields,
  profile: profileFields,
};

const seconds = { above: 0, to: 1e7 };

/** The table `[measured]` of a calibration file: one layout that ran on the cluster, and where its step's time went. */
export const calibrationFields = {
  model: path('The config.json of the model that ran.', 'the path of a config.json'),
  nodes: integer('Servers that it ran on.', { from: 1, to: 65_536 }),
  schedule: scheduleName('Pipeline schedule.', ['1f1b', 'zb-h1', 'zb-v', 'dualpipe', 'dualpipev']),
  pipeline: integer('Pipeline ranks.', { from: 1, to: 1024 }),
  expert: integer('Ranks that shared the experts.', { from: 1, to: 65_536 }),
  microbatchSize: integer('Sequences of a microbatch.', { from: 1, to: 65_536 }),
  sequencesPerStep: integer('Sequences of a step.', { from: 1, to: 1e9 }),
  sequenceLength: integer('Tokens of a sequence.', { from: 1, to: 2 ** 30 }),
  recomputation: choice('What the backward recomputed.', ['none', 'selective', 'full']),
  communicationSms: integer('Multiprocessors that communication had.', { from: 0, to: 65_536 }),
  forwardSeconds: number('Forwards outside of pairs, in a step, a mean over the ranks; so are the next.', seconds),
  backwardSeconds: number('Backwards outside of pairs, with their weight gradients unless those are put off.', seconds),
  weightSeconds: number('Weight gradients that are put off.', seconds),
  overlappedSeconds: number('Overlapped pairs.', seconds),
  optimizerSeconds: number('Reduction of gradients and optimizer.', seconds),
};

export interface NodesConfig extends Values<typeof nodeFields> {}
export interface GpuConfig extends Values<typeof gpuFields> {}
export interface LinksConfig extends Values<typeof linkFields> {}
export interface WorkConfig extends Values<typeof workFields> {}
export interface ProfileConfig extends Values<typeof profileFields> {}
/** A step that was measured, to calibrate predictions with. */
export interface CalibrationRun extends Values<typeof calibrationFields> {}
