import type { ClusterConfig, PlanningModel } from '../config/index.js';
import { nodesOfToken } from './work.js';

/** The two exchanges of a layer of experts: tokens to experts, and their outputs back. In backward the gradients go the other way with the same kernels. */
export type ExchangeKind = 'dispatch' | 'combine';

/** An FP8 row carries a 4-byte scale for each 128 numbers. */
const fp8RowBytes = 1 + 4 / 128;
const bf16RowBytes = 2;

/** Bytes of a number that an exchange moves: with FP8, tokens and output gradients are quantized before they are dispatched; what is summed stays BF16. */
function exchangeBytes(kind: ExchangeKind, precision: PlanningModel['precision']): number {
  return kind === 'dispatch' && precision === 'fp8' ? fp8RowBytes : bf16RowBytes;
}

/**
 * Seconds of an exchange with nothing beside it: a token goes once to each node that has experts of it, over the slower links, and there to each of
 * its experts over the faster ones; the two overlap, so the longer one counts (DeepSeek-V3 report, section 3.2.2).
 */
export function exchangeSeconds(
  model: PlanningModel,
  cluster: ClusterConfig,
  { kind, tokens, expert }: { readonly kind: ExchangeKind; readonly tokens: number; readonly expert: number },
): number {
  if (expert === 1) return 0;
  const { links, nodes } = cluster;
  const { sizes, precision } = model;
  const bytes = tokens * sizes.hiddenSize * exchangeBytes(kind, precision);
  const efficiency = kind === 'dispatch' ? links.dispatchEfficiency : links.combineEfficiency;
  const inside = Math.min(expert, nodes.gpus);
  // What stays on the GPU itself moves over no link.
  const rows = Math.min(sizes.numExpertsPerTok, expert) * ((inside - 1) / inside);
  const insideSeconds = (bytes * rows) / (links.insideGbPerS * 1e9 * efficiency);
  const nodeCount = Math.ceil(expert / nodes.gpus);
  if (nodeCount === 1) return insideSeconds + links.insideLatencyUs / 1e6;
  const betweenSeconds = (bytes * nodesOfToken(sizes, nodeCount)) / (links.betweenGbPerS * 1e9 * efficiency);
  return Math.max(insideSeconds, betweenSeconds) + links.betweenLatencyUs / 1e6;
}

/** Share of the links' bandwidth that an all-to-all with so many multiprocessors uses: it grows with them until the links are full. */
export function bandwidthShare({ links }: ClusterConfig, communicationSms: number): number {
  return Math.min(1, communicationSms / links.allToAllSms);
}
