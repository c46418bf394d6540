import type { ClusterConfig, PlanningModel } from '../config/index.js';
import type { SegmentShape } from '../schedule/index.js';
import { type ExchangeKind, exchangeSeconds } from './all-to-all.js';
import { attentionWork, mlpWork, peakSeconds, type Work } from './work.js';

export type Phase = SegmentShape['phase'];

/** What the profile says of a cluster: how near its kernels come to the peak, and how much its exchanges suffer from what runs beside them. */
export interface Efficiencies {
  /** Peak time over measured time, on the multiprocessors that computation had: from 0 to about 1. */
  readonly attention: Readonly<Record<Phase, number>>;
  readonly experts: Readonly<Record<Phase, number>>;
  /** Time beside computation over time alone. */
  readonly slowdown: Readonly<Record<ExchangeKind, Readonly<Record<'forward' | 'backwardInput', number>>>>;
}

/**
 * Derives the efficiencies of a cluster from its `[profile]`: the profiled model's work and bytes against the measured durations, and nothing else.
 * `profiled` is the model that `[profile] model` names.
 */
export function deriveEfficiencies(cluster: ClusterConfig, profiled: PlanningModel): Efficiencies {
  const { profile, gpu } = cluster;
  const share = (gpu.sms - profile.communicationSms) / gpu.sms;
  const efficiency = (work: Work, measuredMs: number) =>
    (peakSeconds(work, gpu, profiled.precision) * 1000) / share / measuredMs;
  const attention = attentionWork(profiled, profile, profile.recomputation);
  const experts = mlpWork(profiled, profile, 'moe');
  const alone = (kind: ExchangeKind) => 1000 * exchangeSeconds(profiled, cluster, { kind, ...profile });
  return {
    attention: {
      forward: efficiency(attention.forward, profile.attentionForwardMs),
      backwardInput: efficiency(attention.backwardInput, profile.attentionBackwardMs),
      backwardWeight: efficiency(attention.backwardWeight, profile.attentionWeightMs),
    },
    experts: {
      forward: efficiency(experts.forward, profile.expertsForwardMs),
      backwardInput: efficiency(experts.backwardInput, profile.expertsBackwardMs),
      backwardWeight: efficiency(experts.backwardWeight, profile.expertsWeightMs),
    },
    // An exchange back from the experts is a combine, in whichever direction the chunk runs.
    slowdown: {
      dispatch: {
        forward: profile.dispatchForwardMs / alone('dispatch'),
        backwardInput: profile.combineBackwardMs / alone('dispatch'),
      },
      combine: {
        forward: profile.combineForwardMs / alone('combine'),
        backwardInput: profile.dispatchBackwardMs / alone('combine'),
      },
    },
  };
}
