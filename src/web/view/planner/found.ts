import {
  breakdownWords,
  costsOfPlan,
  type Plan,
  type PlannedSearch,
  planColumns,
  planRates,
  type Rejection,
  type SearchSummary,
  type StepBreakdown,
  summarizeSearch,
} from '../../../plan/index.js';
import { formatRoute } from '../route.js';
import { schedulesRoute } from '../schedules/route.js';
import { chosenLimits } from '../schedules/state.js';
import { plannerLimits } from './state.js';

/** The columns of the table, in its order. */
export type PlanColumnName = keyof typeof planColumns;

/** A plan as the page shows it. */
export interface ShownPlan {
  readonly plan: Plan;
  readonly cells: Readonly<Record<PlanColumnName, string>>;
  /** The address that opens it in the view Schedules; undefined for one too long to draw. */
  readonly address: string | undefined;
}

/** What a search found, as the page shows it. */
export interface FoundPlans {
  readonly summary: SearchSummary;
  /** The fastest first, as many as can be shown. */
  readonly plans: readonly ShownPlan[];
  /** Those that could be predicted, shown or not. */
  readonly predictedLayouts: number;
  readonly rejected: Readonly<Record<Rejection, number>>;
  /** Memory of a GPU. */
  readonly gpuBytes: number;
}

/** Prepares what a search found for the page. */
export function showFound(search: PlannedSearch): FoundPlans {
  const { basis, result } = search;
  return {
    summary: summarizeSearch(search),
    plans: result.plans.slice(0, plannerLimits.top).map((plan) => showPlan(search, plan)),
    predictedLayouts: result.plans.length,
    rejected: result.rejected,
    gpuBytes: basis.cluster.gpu.memoryGib * 2 ** 30,
  };
}

function showPlan(search: PlannedSearch, plan: Plan): ShownPlan {
  const rates = planRates(search, plan);
  const cells = Object.fromEntries(Object.entries(planColumns).map(([key, { text }]) => [key, text(plan, rates)]));
  return { plan, cells: cells as ShownPlan['cells'], address: addressOf(search, plan) };
}

/** The plan's schedule with the times that it was predicted with. */
function addressOf({ basis, request }: PlannedSearch, plan: Plan): string | undefined {
  const { schedule: name, stagesPerRank, pipeline: ranks, microbatches, layersByStage } = plan;
  const isDrawn =
    ranks <= chosenLimits.ranks &&
    microbatches <= chosenLimits.microbatches &&
    layersByStage.length <= chosenLimits.stages &&
    stagesPerRank <= chosenLimits.stagesPerRank;
  if (!isDrawn) return undefined;
  const { forward, backwardInput, backwardWeight, overlapped, p2p } = costsOfPlan(basis, plan, request);
  // The stages of a pipeline come first, one after the other; those of a second copy of the model take as long.
  const ofPipeline = (list: readonly number[]) => list.slice(0, layersByStage.length);
  return formatRoute({
    view: 'schedules',
    parameters: schedulesRoute({
      first: { name, stagesPerRank },
      second: undefined,
      ranks,
      microbatches,
      times: {
        kind: 'stages',
        forward: ofPipeline(forward),
        backwardInput: ofPipeline(backwardInput),
        backwardWeight: ofPipeline(backwardWeight),
        ...(overlapped !== undefined && { overlapped: ofPipeline(overlapped) }),
        p2p,
      },
      rank: 0,
      isSameScale: true,
      isBeside: false,
      window: undefined,
    }),
  });
}

/** A part of a whole, such as of a step's time. */
export interface Share<Part extends string> {
  readonly part: Part;
  readonly words: string;
  readonly amount: number;
  /** From 0 to 1. */
  readonly share: number;
}

/** Where the seconds of a plan's step go. */
export function stepShares({ breakdown, stepSeconds }: Plan): readonly Share<keyof StepBreakdown>[] {
  return Object.entries(breakdownWords).map(([key, words]) => {
    const part = key as keyof StepBreakdown;
    return { part, words, amount: breakdown[part], share: breakdown[part] / stepSeconds };
  });
}

const memoryWords: Readonly<Record<keyof Plan['memory'] | 'free', string>> = {
  parameters: 'parameters',
  gradients: 'gradients',
  optimizer: 'optimizer',
  activations: 'activations',
  working: 'at work in a chunk',
  reserved: 'reserved',
  free: 'free',
};

/** What fills the memory of a GPU of a plan's fullest rank. */
export function memoryShares({ memory }: Plan, gpuBytes: number): readonly Share<keyof typeof memoryWords>[] {
  const used = Object.values(memory).reduce((sum: number, bytes: number) => sum + bytes, 0);
  const amounts = { ...memory, free: Math.max(0, gpuBytes - used) };
  return Object.entries(memoryWords).map(([key, words]) => {
    const part = key as keyof typeof memoryWords;
    return { part, words, amount: amounts[part], share: amounts[part] / gpuBytes };
  });
}

/** Why layouts were left out, in words, those that most were left out for first. */
export function rejectionRows(
  rejected: FoundPlans['rejected'],
): readonly { readonly words: string; readonly layouts: number }[] {
  return Object.entries(rejectionWords)
    .map(([reason, words]) => ({ words, layouts: rejected[reason as Rejection] }))
    .filter(({ layouts }) => layouts > 0)
    .sort((a, b) => b.layouts - a.layouts);
}

const rejectionWords: Readonly<Record<Rejection, string>> = {
  divisibility: 'sequences or experts do not divide over the data ranks',
  layers: 'fewer layers than stages',
  limits: 'the schedule does not take so many ranks or microbatches',
  size: 'too long to simulate here',
  memory: 'do not fit into the memory of a GPU',
};

const fieldWords: Readonly<Record<string, string>> = {
  '--sequences-per-step': '“Sequences a step”',
  '--sequence-length': '“Sequence length”',
  '--schedule': '“Schedule”',
  '--pipeline': '“Pipeline ranks”',
  '--expert': '“Expert ranks”',
  '--microbatch-size': '“Sequences a microbatch”',
  '--calibration none': '“Calibration” switched off',
};

/** A sentence that names flags of the command line, with the names of the page's fields. */
export function nameFields(text: string): string {
  return text.replace(/--[a-z-]+( none)?/g, (flag) => fieldWords[flag] ?? flag);
}
