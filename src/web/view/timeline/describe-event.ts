import type { TimelineEvent } from '../../../schedule/index.js';

const phases: Readonly<Record<string, string>> = {
  forward: 'forward',
  backwardInput: 'backward for inputs',
  backwardWeight: 'backward for weights',
};

/** `attention backwardInput L2 [0F4]`: what runs, the layer, and the action that it belongs to. */
const segmentPattern = /^(?<name>.+?)(?: (?<phase>forward|backwardInput|backwardWeight))?(?: L(?<layer>\d+))?$/;
const pairPattern = /^\((?<forward>[^;]+);(?<backward>[^;]+)\)OVERLAP_F_B$/;

/**
 * What an event is, for people: `attention of layer 2, backward for inputs, microbatch 3 of stage 1, overlapped 0F4 and
 * 1B3`. What has no such parts is its label.
 */
export function describeEvent({ label, chunks }: Pick<TimelineEvent, 'label' | 'chunks'>): string {
  const { name, phase, layer, action } = splitLabel(label);
  const { forward, backward } = pairPattern.exec(action ?? name)?.groups ?? {};
  const isPair = forward !== undefined && backward !== undefined;
  if (layer === undefined && action === undefined && !isPair) return label;
  return [
    `${action === undefined && isPair ? 'forward and backward' : name}${layer === undefined ? '' : ` of layer ${layer}`}`,
    ...(phase === undefined ? [] : [phases[phase] ?? phase]),
    ...(chunks.length === 1 ? [`microbatch ${chunks[0].microbatch} of stage ${chunks[0].stage}`] : []),
    ...(isPair ? [`overlapped ${forward} and ${backward}`] : []),
  ].join(', ');
}

/** Texts for an event in a picture, the longest first; the last may be a number alone. `letter` is that of its kind. */
export function labelTexts({ label, chunks }: Pick<TimelineEvent, 'label' | 'chunks'>, letter: string): string[] {
  const microbatches = chunks.map(({ microbatch }) => microbatch).join('/');
  // Thousands are asked for in a frame; labels of schedules are one word.
  const { name, layer } = label.includes(' ') ? splitLabel(label) : { name: label, layer: undefined };
  const own = layer === undefined ? [] : [`${name} L${layer}`];
  const short = microbatches === '' ? [] : [`${letter}${microbatches}`, microbatches];
  const full = own.length === 0 || microbatches === '' ? [] : [`${own[0]}, microbatch ${microbatches}`];
  return [...(own.length === 0 ? [label] : [...full, ...own]), ...short];
}

function splitLabel(label: string) {
  const split = label.lastIndexOf(' [');
  const isSplit = split >= 0 && label.endsWith(']');
  const text = isSplit ? label.slice(0, split) : label;
  const { name = text, phase, layer } = segmentPattern.exec(text)?.groups ?? {};
  return { name, phase, layer, action: isSplit ? label.slice(split + 2, -1) : undefined };
}
