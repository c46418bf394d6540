import type { ClusterConfig, PlanningModel } from '../config/index.js';
import type { SegmentName, SegmentShape } from '../schedule/index.js';
import { bandwidthShare, type ExchangeKind, exchangeSeconds } from './all-to-all.js';
import type { Calibration } from './calibration.js';
import type { PartKind } from './parameters.js';
import type { Efficiencies, Phase } from './profile.js';
import {
  attentionWork,
  type ChunkSize,
  embeddingWork,
  headWork,
  mlpWork,
  type PhaseWork,
  peakSeconds,
  projectionWork,
  type Recomputation,
  type Work,
} from './work.js';

/** A segment of a chunk with its predicted times in seconds. */
export interface PlannedSegment extends SegmentShape {
  /** With nothing on the other lane: computation has the whole GPU. */
  readonly alone: number;
  /** Within an overlapped pair: communication has taken its multiprocessors. */
  readonly beside: number;
}

/** The segments of one part, in the order of a chunk. */
export interface PartSegments {
  readonly forward: readonly PlannedSegment[];
  readonly backward: readonly PlannedSegment[];
}

/** What all predictions of one search share. */
export interface CostBasis {
  readonly model: PlanningModel;
  readonly cluster: ClusterConfig;
  readonly efficiencies: Efficiencies;
  readonly calibration: Calibration;
}

/** What the segments of a chunk depend on. */
export interface ChunkSetting extends ChunkSize {
  readonly expert: number;
  readonly communicationSms: number;
  readonly recomputation: Recomputation;
}

type Writer = (name: SegmentName, phase: Phase) => PlannedSegment;

/**
 * The segments of a part. A layer of experts forward: attention, dispatch, experts, combine; backward the same from its end, input gradient before
 * weight gradient. Full recomputation runs a layer forward again (but for its combine, whose result nothing needs) before its backward.
 */
export function partSegments(basis: CostBasis, setting: ChunkSetting, kind: PartKind): PartSegments {
  switch (kind) {
    case 'embedding':
      return simplePart('embed', computeWriter(basis, setting, embeddingWork(basis.model, setting)));
    case 'head': {
      const uses = 1 + basis.model.predictionModules;
      return simplePart('head', computeWriter(basis, setting, headWork(basis.model, setting, uses)));
    }
    case 'dense':
    case 'moe':
      return layerPart(basis, setting, kind);
    case 'prediction': {
      const projection = simplePart('embed', computeWriter(basis, setting, projectionWork(basis.model, setting)));
      const layer = layerPart(basis, setting, 'moe');
      return {
        forward: [...projection.forward, ...layer.forward],
        backward: [...layer.backward, ...projection.backward],
      };
    }
    default:
      return kind satisfies never;
  }
}

function simplePart(name: SegmentName, write: Writer): PartSegments {
  return { forward: [write(name, 'forward')], backward: [write(name, 'backwardInput'), write(name, 'backwardWeight')] };
}

function layerPart(basis: CostBasis, setting: ChunkSetting, kind: 'dense' | 'moe'): PartSegments {
  const { model, efficiencies } = basis;
  const attention = computeWriter(
    basis,
    setting,
    attentionWork(model, setting, setting.recomputation),
    efficiencies.attention,
  );
  const mlp = computeWriter(basis, setting, mlpWork(model, setting, kind), efficiencies.experts);
  const name = kind === 'dense' ? 'mlp' : 'experts';
  const travels = kind === 'moe' && setting.expert > 1;
  const exchange = (segment: ExchangeKind, phase: 'forward' | 'backwardInput') =>
    travels ? [writeExchange(basis, setting, segment, phase)] : [];
  const inward = [attention('attention', 'forward'), ...exchange('dispatch', 'forward'), mlp(name, 'forward')];
  const again =
    setting.recomputation === 'full' ? inward.map((segment) => ({ ...segment, phase: 'backwardInput' as const })) : [];
  return {
    forward: [...inward, ...exchange('combine', 'forward')],
    backward: [
      ...again,
      ...exchange('combine', 'backwardInput'),
      mlp(name, 'backwardInput'),
      mlp(name, 'backwardWeight'),
      ...exchange('dispatch', 'backwardInput'),
      attention('attention', 'backwardInput'),
      attention('attention', 'backwardWeight'),
    ],
  };
}

function computeWriter(
  { model, cluster }: CostBasis,
  { expert, communicationSms }: ChunkSetting,
  work: PhaseWork,
  efficiency?: Readonly<Record<Phase, number>>,
): Writer {
  const { gpu } = cluster;
  const taken = expert === 1 ? 0 : communicationSms;
  return (name, phase) => {
    const products =
      peakSeconds(work[phase], gpu, model.precision) / (efficiency?.[phase] ?? cluster.work.gemmEfficiency);
    const memory = memorySeconds(work[phase], cluster);
    const beside = (products * gpu.sms) / (gpu.sms - taken) + memory;
    return { name, phase, layer: 0, lane: 'compute', alone: products + memory, beside };
  };
}

function memorySeconds({ memoryBytes }: Work, { gpu, work }: ClusterConfig): number {
  return memoryBytes / (gpu.memoryGbPerS * 1e9 * work.memoryEfficiency);
}

/** In backward the gradients of outputs go to the experts as a dispatch, and those of inputs come back as a combine. */
function writeExchange(
  { model, cluster, efficiencies }: CostBasis,
  { tokens, expert, communicationSms }: ChunkSetting,
  name: ExchangeKind,
  phase: 'forward' | 'backwardInput',
): PlannedSegment {
  const isForward = phase === 'forward';
  const kind: ExchangeKind = isForward === (name === 'dispatch') ? 'dispatch' : 'combine';
  const alone = exchangeSeconds(model, cluster, { kind, tokens, expert }) / bandwidthShare(cluster, communicationSms);
  return { name, phase, layer: 0, lane: 'communication', alone, beside: alone * efficiencies.slowdown[kind][phase] };
}
