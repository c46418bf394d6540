import { InputError } from '../base/index.js';
import type { CalibrationRun, ClusterConfig, PlanningModel } from '../config/index.js';
import { type Calibration, noCalibration } from './calibration.js';
import type { StepBreakdown } from './layout.js';
import type { Efficiencies } from './profile.js';
import { type LayoutSearchResult, searchLayouts } from './search-layouts.js';

/** What a calibration is fitted with: the run that was measured, and the basis of its prediction. */
export interface CalibrationRequest {
  readonly run: CalibrationRun;
  /** The model that ran. */
  readonly model: PlanningModel;
  readonly cluster: ClusterConfig;
  readonly efficiencies: Efficiencies;
  /** Where the run was read: for messages. */
  readonly where: string;
}

/**
 * Fits each factor to its own part of a measured step: measured time over the time predicted from first principles for the same layout. Idle time and the
 * step as a whole are not fitted: they follow from the simulation. Throws `InputError` if the run cannot be predicted or a factor would not be above 0.
 */
export function fitCalibration(request: CalibrationRequest): Calibration {
  const { run, where } = request;
  requireSms(request);
  const plain = predictRun(request, noCalibration);
  const backwardWeight = ratio(run.weightSeconds, plain.backwardWeight);
  // A full backward holds weight gradients too; what doubles with the input gradients' factor is theirs.
  const inputSeconds = predictRun(request, { ...noCalibration, backwardInput: 2 }).backward - plain.backward;
  const weightSeconds = backwardWeight * (plain.backward - inputSeconds);
  const calibration: Calibration = {
    forward: ratio(run.forwardSeconds, plain.forward),
    backwardInput: ratio(run.backwardSeconds - weightSeconds, inputSeconds),
    backwardWeight,
    overlapped: ratio(run.overlappedSeconds, plain.overlapped),
    optimizer: ratio(run.optimizerSeconds, plain.reduce + plain.optimizer),
  };
  for (const [name, factor] of Object.entries(calibration)) {
    if (factor > 0) continue;
    throw new InputError({
      what: `the factor for ${name} would be ${factor.toFixed(3)}`,
      where,
      mend: 'check its times',
    });
  }
  return calibration;
}

/** A part that the layout does not have cannot be fitted, and needs no factor. */
function ratio(measured: number, predicted: number): number {
  return predicted > 0 ? measured / predicted : 1;
}

function requireSms({ run, cluster: { gpu }, where }: CalibrationRequest): void {
  const { communicationSms, expert } = run;
  if (communicationSms < gpu.sms && (communicationSms > 0 || expert === 1)) return;
  throw new InputError({
    what: `communication_sms is ${communicationSms}, of ${gpu.sms} multiprocessors`,
    where,
    mend: 'use at least 1, and leave some for computation',
  });
}

/** On as many servers as it ran on, whatever the cluster to plan for has. */
function predictRun({ run, where, ...basis }: CalibrationRequest, calibration: Calibration): StepBreakdown {
  const nodes = { ...basis.cluster.nodes, count: run.nodes };
  const request = { ...basis, cluster: { ...basis.cluster, nodes }, calibration };
  const refuse = (reason: string, options?: ErrorOptions) =>
    new InputError(
      {
        what: `the measured run cannot be predicted: ${reason}`,
        where,
        mend: 'correct the calibration or the cluster file, or plan with --calibration none',
      },
      options,
    );
  let found: LayoutSearchResult;
  try {
    found = searchLayouts(request, run);
  } catch (error) {
    throw error instanceof InputError ? refuse(error.problem.what, { cause: error }) : error;
  }
  const [plan] = found.plans;
  if (plan !== undefined) return plan.breakdown;
  const reason = Object.entries(found.rejected).find(([, count]) => count > 0)?.[0];
  throw refuse(`its layout is rejected for ${reason}`);
}
