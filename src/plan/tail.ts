import type { ClusterConfig, PlanningModel } from '../config/index.js';
import { gradientBytes, optimizerBytes, type Sharing, weightBytes } from './memory.js';
import type { RankParameters } from './parameters.js';

/** What follows the schedule in a step, in seconds. */
export interface Tail {
  /** Gradients are summed where their optimizer state lies, and the new weights go back (ZeRO-1). */
  readonly reduce: number;
  readonly optimizer: number;
}

/** Ranks that share something: how many, and how many of them stand in one node. */
interface Group {
  readonly ranks: number;
  readonly perNode: number;
}

/** The tail of a rank with these parameters, all of it exposed. Every collective is a ring over the links of all the nodes' ranks of the group. */
export function tailSeconds(
  { nodes, links, gpu, work }: ClusterConfig,
  precision: PlanningModel['precision'],
  parameters: RankParameters,
  { sharing, data, expert }: { readonly sharing: Sharing; readonly data: number; readonly expert: number },
): Tail {
  const moveSeconds = (bytes: number, { ranks, perNode }: Group): number => {
    const speed = ranks <= perNode ? links.insideGbPerS : Math.min(links.insideGbPerS, links.betweenGbPerS * perNode);
    return (bytes * (ranks - 1)) / ranks / (speed * 1e9);
  };
  const { experts, layers, vocabulary } = parameters;
  const every: Group = { ranks: sharing.layers, perNode: Math.min(nodes.gpus, data) };
  const same: Group = { ranks: sharing.experts, perNode: Math.max(1, Math.floor(Math.min(nodes.gpus, data) / expert)) };
  const bytesOf = (part: RankParameters) =>
    gradientBytes * (part.experts + part.layers + part.vocabulary) + weightBytes(part, precision);
  const owned = experts / sharing.experts + (layers + vocabulary) / sharing.layers;
  // Each owned number: its gradient is read, its weight written, its state read and written.
  const optimizerTraffic = owned * (gradientBytes + 2 * optimizerBytes + 2);
  return {
    reduce:
      moveSeconds(bytesOf({ experts, layers: 0, vocabulary: 0 }), same) +
      moveSeconds(bytesOf({ experts: 0, layers, vocabulary }), every),
    optimizer: optimizerTraffic / (gpu.memoryGbPerS * 1e9 * work.memoryEfficiency),
  };
}
