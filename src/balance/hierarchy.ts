import { InputError } from '../base/index.js';
import { createLayerState, type LayerProblem, type LayerState } from './layer-state.js';
import type { Machine } from './machine.js';
import { measureLargestLoads } from './measure.js';
import { isClose, type LayerSearch, type PlacedLayer, placeLayer } from './place-layer.js';

/** GPUs that are placed together: those in use of the whole machine, or of one node. */
export interface Site {
  readonly state: LayerState;
  /** `[slots of the site]`: the machine's slot for each of the site's. */
  readonly slotOf: Int32Array;
}

/** The site of the machine's GPUs from `firstGpu` to before `endGpu` that are in use, for `experts` experts. */
export function createSite(machine: Machine, firstGpu: number, endGpu: number, experts: number): Site {
  const { slotStarts, isUsed, speeds } = machine;
  const gpus = Array.from({ length: endGpu - firstGpu }, (_, i) => firstGpu + i).filter((gpu) => isUsed[gpu] === 1);
  const slotOf = gpus.flatMap((gpu) =>
    Array.from({ length: slotStarts[gpu + 1]! - slotStarts[gpu]! }, (_, i) => slotStarts[gpu]! + i),
  );
  const starts = new Int32Array(gpus.length + 1);
  for (const [i, gpu] of gpus.entries()) starts[i + 1] = starts[i]! + slotStarts[gpu + 1]! - slotStarts[gpu]!;
  const problem: LayerProblem = {
    experts,
    gpus: gpus.length,
    slots: slotOf.length,
    slotStarts: starts,
    slowness: Float64Array.from(gpus, (gpu) => 1 / speeds[gpu]!),
    load: new Float64Array(experts),
  };
  return { state: createLayerState(problem), slotOf: Int32Array.from(slotOf) };
}

/** Places layers so that each group of neighbouring experts stays on one node. */
export interface HierarchicalPlacer {
  /**
   * Places `load` (`[experts]`); `rival` is `[slots of the machine]`. The `expertOf` of the result is of the machine's slots, -1 where none is used.
   * The lower bound counts the nodes too: the best division of the groups over nodes that is possible.
   */
  place(load: Float64Array, search: LayerSearch): PlacedLayer;
}

/** Throws `InputError` unless groups divide experts and nodes divide groups, and every node in use has room for its groups' experts. */
export function createHierarchicalPlacer(machine: Machine, experts: number, groups: number): HierarchicalPlacer {
  const { nodes, gpus } = machine;
  requireDivision(experts, groups, nodes);
  const groupSize = experts / groups;
  const groupsPerNode = groups / nodes;
  const nodeGpus = gpus / nodes;
  const nodeExperts = groupsPerNode * groupSize;
  const sites = Array.from({ length: nodes }, (_, node) =>
    createSite(machine, node * nodeGpus, (node + 1) * nodeGpus, nodeExperts),
  );
  for (const [node, { slotOf }] of sites.entries()) {
    if (slotOf.length < nodeExperts) {
      throw new InputError({
        what: `node ${node} has ${slotOf.length} slots in use for the ${nodeExperts} experts of its groups`,
        mend: 'use more slots, or place without groups (--strategy global)',
      });
    }
  }
  const groupState = createLayerState(createGroupProblem(sites, groups, groupsPerNode));

  /** Places the experts of each node's groups, `[nodes, groupsPerNode]`. */
  const placeNodes = (
    groupOf: Int32Array,
    load: Float64Array,
    search: LayerSearch,
  ): Omit<PlacedLayer, 'lowerBound'> => {
    const expertOf = new Int32Array(machine.slots).fill(-1);
    let largest = 0;
    for (const [node, { state, slotOf }] of sites.entries()) {
      const ofNode = groupOf.subarray(node * groupsPerNode, (node + 1) * groupsPerNode);
      const expertAt = Int32Array.from({ length: nodeExperts }, (_, i) => {
        return ofNode[Math.floor(i / groupSize)]! * groupSize + (i % groupSize);
      });
      for (const [i, expert] of expertAt.entries()) state.problem.load[i] = load[expert]!;
      const rival = rivalOfNode(search.rival, slotOf, expertAt);
      const placed = placeLayer(state, { ...withoutRival(search), ...(rival === undefined ? {} : { rival }) });
      for (const [i, slot] of slotOf.entries()) expertOf[slot] = expertAt[placed.expertOf[i]!]!;
      largest = Math.max(largest, placed.largest);
    }
    return { expertOf, largest };
  };

  return {
    place(load, search) {
      const groupLoad = groupState.problem.load;
      for (let group = 0; group < groups; group++) {
        let sum = 0;
        for (let i = 0; i < groupSize; i++) sum += load[group * groupSize + i]!;
        groupLoad[group] = sum;
      }
      const divided = placeLayer(groupState, { ...withoutRival(search), tolerance: 0 });
      let best = placeNodes(divided.expertOf, load, search);
      const { rival, tolerance } = search;
      const rivalGroups = rival && groupsOfRival(rival, sites, groupSize, groupsPerNode);
      if (rival !== undefined && rivalGroups !== undefined) {
        // The rival may be the better one by less than the search is content with.
        const enough = Math.min(divided.lowerBound * (1 + tolerance), largestTimeOf(rival, load, machine));
        const other = best.largest > enough ? placeNodes(rivalGroups, load, search) : best;
        if (other.largest < best.largest) best = other;
      }
      const { largest } = best;
      const lowerBound = isClose(divided.lowerBound, largest) ? largest : Math.min(divided.lowerBound, largest);
      return { ...best, lowerBound };
    },
  };
}

/** The largest time of a placement of the machine's slots. */
function largestTimeOf(physicalToLogical: Int32Array, load: Float64Array, machine: Machine): number {
  const experts = load.length;
  const placement = { layers: 1, experts, slots: machine.slots, physicalToLogical };
  const loads = { windows: 1, layers: 1, experts, counts: load };
  return measureLargestLoads(placement, loads, machine)[0];
}

function withoutRival({ rival: _, ...search }: LayerSearch): LayerSearch {
  return search;
}

function requireDivision(experts: number, groups: number, nodes: number): void {
  if (experts % groups !== 0) {
    throw new InputError({
      what: `${experts} experts do not divide by ${groups} groups`,
      mend: "use the model's own number of groups (n_group)",
    });
  }
  if (groups % nodes !== 0) {
    throw new InputError({
      what: `${groups} groups do not divide by ${nodes} nodes`,
      mend: 'place without groups (--strategy global)',
    });
  }
}

/** Groups as experts of one replica, and nodes as GPUs: the same problem one level up. */
function createGroupProblem(sites: readonly Site[], groups: number, groupsPerNode: number): LayerProblem {
  return {
    experts: groups,
    gpus: sites.length,
    slots: groups,
    slotStarts: Int32Array.from({ length: sites.length + 1 }, (_, node) => node * groupsPerNode),
    slowness: Float64Array.from(sites, ({ state }) => {
      return 1 / state.problem.slowness.reduce((speed, time) => speed + 1 / time, 0);
    }),
    load: new Float64Array(groups),
  };
}

/** The rival's experts on a node as positions in `expertAt`, or undefined if it has others there. */
function rivalOfNode(rival: Int32Array | undefined, slotOf: Int32Array, expertAt: Int32Array): Int32Array | undefined {
  if (rival === undefined) return undefined;
  const positions = new Map([...expertAt].map((expert, position) => [expert, position]));
  const held = slotOf.map((slot) => positions.get(rival[slot]!) ?? -1);
  return held.includes(-1) || new Set(held).size < expertAt.length ? undefined : held;
}

/** `[nodes, groupsPerNode]`: the groups on each of the rival's nodes, or undefined if a group lies on several. */
function groupsOfRival(
  rival: Int32Array,
  sites: readonly Site[],
  groupSize: number,
  groupsPerNode: number,
): Int32Array | undefined {
  const byNode = sites.map(({ slotOf }) => [
    ...new Set([...slotOf].map((slot) => Math.floor(rival[slot]! / groupSize))),
  ]);
  if (byNode.some((groups) => groups.length !== groupsPerNode)) return undefined;
  const all = byNode.flat();
  return new Set(all).size === all.length ? Int32Array.from(all) : undefined;
}
