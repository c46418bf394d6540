import { copyNode, differentiate } from './differentiate.js';
import { createNodeList, type NodeList } from './node-list.js';
import type { Graph, Node } from './op.js';
import { chooseSaved, isCheap, isFree, isLeaf, withoutReshapes } from './recompute.js';
import type { Tensor, TensorType } from './tensor-type.js';

/** What the names of a forward graph are for. Inputs that are in neither list (indices, masks, tables) need no gradient. */
export interface TrainingRoles {
  /** Inputs from an earlier part of the model; their gradients leave `backwardInput`. May be empty. */
  readonly activations: readonly string[];
  /** Inputs that are trained; their gradients leave `backwardWeight`. May be empty. */
  readonly parameters: readonly string[];
  /** Outputs that receive a gradient. */
  readonly gradientOutputs: readonly string[];
}

/** A value that one graph gives as the output `name` and later ones take as the input `name`. */
export interface SavedTensor extends TensorType {
  readonly name: string;
  readonly from: 'forward' | 'backwardInput';
  readonly to: readonly ('backwardInput' | 'backwardWeight')[];
}

/** Three graphs that run one after the other; the last may run much later. */
export interface TrainingGraphs {
  /** The outputs it had, and what is saved. */
  readonly forward: Graph;
  /** `grad:ACTIVATION` for each activation, and what is handed on to `backwardWeight`; empty if there are no activations. */
  readonly backwardInput: Graph;
  /** Adds to sums: from an input `sum:PARAMETER`, the output `grad:PARAMETER` = `sum:PARAMETER` + its gradient. */
  readonly backwardWeight: Graph;
  /** Everything that crosses from one graph to another, but for the inputs of `forward` and the gradients of its outputs (`grad:OUTPUT`). */
  readonly saved: readonly SavedTensor[];
}

/**
 * Differentiates `forward` and cuts the result in three: what the outputs need, then what the activations' gradients need, then the rest. A value
 * that crosses is saved as `saved:ID`, or under its own name if it is an output; inputs are taken under their own name.
 * `chooseSaved` decides what of the forward pass is saved and what is made again. What `backwardInput` makes (or makes again) is handed on to
 * `backwardWeight`, which so holds fewer values of the forward pass. Throws what `differentiate` throws.
 */
export function cutForTraining(forward: Graph, roles: TrainingRoles): TrainingGraphs {
  const { activations, parameters, gradientOutputs } = roles;
  const joint = differentiate(forward, { outputs: gradientOutputs, wrt: [...activations, ...parameters] });
  const cut = cutJointGraph(joint, [...forward.outputs.keys()], roles);
  const forwardPorts = namePorts(joint, [...forward.outputs.keys()], cut.saved);
  const inputPorts = namePorts(joint, activations.map(gradientName), cut.handed);
  const ports = new Map([...forwardPorts, ...inputPorts]);

  const produce = (port: Port, part: Part) => part.tensors.get(port.id)!;
  const forwardPart = emitPart(joint, cut.forward, new Map(), keepNode);
  const forwardOutputs = [...forward.outputs.keys()].map((name) => ({ name, id: joint.outputs.get(name)! }));
  const inputPart = emitPart(joint, cut.backwardInput, forwardPorts, remakeNode(cut.phases));
  const inputOutputs = activations.map(gradientName).map((name) => ({ name, id: joint.outputs.get(name)! }));
  const weightPart = emitPart(joint, cut.backwardWeight, ports, remakeNode(cut.phases));
  const build = (part: Part, outputs: readonly Port[]) =>
    part.list.build(Object.fromEntries(outputs.map((port) => [port.name, produce(port, part)])));
  return {
    forward: build(forwardPart, [...forwardOutputs, ...forwardPorts.values()]),
    backwardInput: build(inputPart, [...inputOutputs, ...inputPorts.values()]),
    backwardWeight: buildSums(joint, weightPart, parameters),
    saved: [
      ...describeSaved(joint, forwardPorts, 'forward', cut),
      ...describeSaved(joint, inputPorts, 'backwardInput', cut),
    ],
  };
}

const gradientName = (name: string) => `grad:${name}`;

type Phase = 'leaf' | 'forward' | 'backwardInput' | 'backwardWeight';

/** Ids of the joint graph: what each graph holds (what it takes in, too), and what crosses. */
interface Cut {
  readonly phases: readonly Phase[];
  readonly forward: ReadonlySet<number>;
  readonly backwardInput: ReadonlySet<number>;
  readonly backwardWeight: ReadonlySet<number>;
  /** From forward. */
  readonly saved: ReadonlySet<number>;
  /** From backwardInput to backwardWeight. */
  readonly handed: ReadonlySet<number>;
}

function cutJointGraph(joint: Graph, outputs: readonly string[], roles: TrainingRoles): Cut {
  const ids = (names: readonly string[]) => names.map((name) => joint.outputs.get(name)!);
  const inputRoots = ids(roles.activations.map(gradientName));
  const weightRoots = ids(roles.parameters.map(gradientName));
  const forward = ancestors(joint, ids(outputs), () => false);
  const beforeInputs = ancestors(joint, inputRoots, () => false);
  const phases = joint.nodes.map(({ id, op }): Phase => {
    if (isLeaf(op)) return 'leaf';
    if (forward.has(id)) return 'forward';
    return beforeInputs.has(id) ? 'backwardInput' : 'backwardWeight';
  });
  const backward = joint.nodes.filter(({ id }) => phases[id].startsWith('backward'));
  const read = new Set([...backward.flatMap(({ inputs }) => inputs), ...inputRoots, ...weightRoots]);
  const given = new Set(ids(outputs).map((id) => withoutReshapes(joint, id)));
  const saved = chooseSaved(joint, forward, read, given);

  const isSaved = (id: number) => saved.has(id);
  const held = ancestors(joint, inputRoots, isSaved);
  const onHand = findOnHand(joint, phases, saved, held);
  const isHanded = (id: number) => onHand.has(id) && isHandedOn(joint.nodes[id], phases[id]);
  const backwardWeight = ancestors(joint, weightRoots, (id) => isSaved(id) || isHanded(id));
  const handed = new Set([...backwardWeight].filter(isHanded).sort((a, b) => a - b));
  const backwardInput = ancestors(joint, [...inputRoots, ...handed], isSaved);
  const isTaken = (id: number) => backwardInput.has(id) || backwardWeight.has(id);
  return {
    phases,
    forward,
    backwardInput,
    backwardWeight,
    saved: new Set([...saved].filter(isTaken)),
    handed,
  };
}

/** `roots` and what they are made of, not looking behind a value for which `isTaken` holds. */
function ancestors(graph: Graph, roots: readonly number[], isTaken: (id: number) => boolean): ReadonlySet<number> {
  const found = new Set(roots);
  for (const { id, inputs } of graph.nodes.toReversed()) {
    if (found.has(id) && !isTaken(id)) for (const input of inputs) found.add(input);
  }
  return found;
}

/**
 * What backwardInput, which holds the values `held`, can hand on: what it makes, what it makes again, and what follows from these by cheap ops
 * on values that it holds. For example, of a SwiGLU it makes silu(gate) again for its own use, so handing on silu(gate) * up costs it one
 * product, and neither gate nor up must be held for backwardWeight.
 */
function findOnHand(
  joint: Graph,
  phases: readonly Phase[],
  saved: ReadonlySet<number>,
  held: ReadonlySet<number>,
): ReadonlySet<number> {
  const onHand = new Set<number>();
  for (const node of joint.nodes) {
    const { id, inputs } = node;
    if (phases[id] === 'leaf' || saved.has(id)) continue;
    const canMake = inputs.every((input) => phases[input] === 'leaf' || held.has(input) || onHand.has(input));
    const isNear = inputs.some((input) => onHand.has(input));
    if (held.has(id) || (canMake && isNear && isCheap(node))) onHand.add(id);
  }
  return onHand;
}

/**
 * Whether backwardWeight takes a value that backwardInput has on hand. Of its own values, only sums (the gradient of a norm's weight): they are small,
 * and what they are made of need not be held. Other work is left to it, as backwardInput is what other ranks wait for.
 */
function isHandedOn(node: Node, phase: Phase): boolean {
  return phase === 'backwardWeight' ? node.op === 'sum' : !isFree(node);
}

/** The output `name` of a graph; `id` is a node of the joint graph. */
interface Port {
  readonly name: string;
  readonly id: number;
}

/** By the id of a value that leaves a graph, the output under which it does: one of `outputs` that has its numbers, or a new one. */
function namePorts(joint: Graph, outputs: readonly string[], leaving: ReadonlySet<number>): ReadonlyMap<number, Port> {
  const ports = new Map<number, Port>();
  for (const name of outputs.toReversed()) {
    const id = joint.outputs.get(name)!;
    // A reader could not tell an input of this name from the saved value.
    if (!joint.inputs.has(name)) ports.set(withoutReshapes(joint, id), { name, id });
  }
  return new Map([...leaving].map((id) => [id, ports.get(id) ?? { name: `saved:${id}`, id }]));
}

/** A graph that is being built, and its tensor for each node of the joint graph. */
interface Part {
  readonly list: NodeList;
  readonly tensors: ReadonlyMap<number, Tensor>;
}

type Emit = (list: NodeList, node: Node, operands: readonly Tensor[]) => Tensor;

/** Builds the nodes `ids`; those in `ports` are inputs. */
function emitPart(joint: Graph, ids: ReadonlySet<number>, ports: ReadonlyMap<number, Port>, emit: Emit): Part {
  const list = createNodeList();
  const tensors = new Map<number, Tensor>();
  for (const node of joint.nodes) {
    if (!ids.has(node.id)) continue;
    const port = ports.get(node.id);
    if (port === undefined) {
      const operands = node.inputs.map((id) => tensors.get(id)!);
      tensors.set(node.id, emit(list, node, operands));
    } else {
      const value = list.input(port.name, joint.nodes[port.id]);
      tensors.set(node.id, list.add('reshape', [value], { shape: node.shape }));
    }
  }
  return { list, tensors };
}

const keepNode: Emit = copyNode;

/** A silu that is made again is spelt out, as the sigmoid in it is also what its gradient needs. */
function remakeNode(phases: readonly Phase[]): Emit {
  return (list, node, operands) => {
    if (node.op !== 'silu' || phases[node.id] !== 'forward') return copyNode(list, node, operands);
    const [x] = operands;
    return list.add('multiply', [x, list.add('sigmoid', [x], {})], {});
  };
}

function buildSums(joint: Graph, { list, tensors }: Part, parameters: readonly string[]): Graph {
  const sums = parameters.map((name) => {
    const gradient = tensors.get(joint.outputs.get(gradientName(name))!)!;
    return [gradientName(name), list.add('add', [list.input(`sum:${name}`, gradient), gradient], {})];
  });
  return list.build(Object.fromEntries(sums));
}

function describeSaved(
  joint: Graph,
  ports: ReadonlyMap<number, Port>,
  from: SavedTensor['from'],
  cut: Cut,
): SavedTensor[] {
  return [...ports].map(([id, port]): SavedTensor => {
    const { shape, type } = joint.nodes[port.id];
    const to = (['backwardInput', 'backwardWeight'] as const).filter((reader) => cut[reader].has(id));
    return { name: port.name, shape, type, from, to: from === 'forward' ? to : ['backwardWeight'] };
  });
}
