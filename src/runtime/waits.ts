import { type Instruction, instanceName, listAccesses } from './program.js';

/**
 * Puts a wait for every exchange: with overlap just before the first instruction that reads what it brings (or at the end), otherwise right after it,
 * so that nothing hides it.
 */
export function placeWaits(issued: readonly Instruction[], overlap: boolean): Instruction[] {
  const reads = issued.map(listReads);
  const waits: Instruction[][] = Array.from({ length: issued.length + 1 }, () => []);
  for (const [index, instruction] of issued.entries()) {
    if (instruction.kind !== 'segment' || instruction.operation === undefined) continue;
    const { chunk, segment, operation } = instruction;
    const wait = { kind: 'wait', action: instruction.action, chunk, segment, operation } as const;
    const brought = new Set(listBrought(wait));
    let position = index + 1;
    while (overlap && position < issued.length && !reads[position].some((name) => brought.has(name))) position++;
    waits[position].push(wait);
  }
  return [...issued.flatMap((instruction, index) => [...waits[index], instruction]), ...waits[issued.length]];
}

/** Names of what an instruction reads, the steps after its exchange included: their inputs must be there too. */
function listReads(instruction: Instruction): string[] {
  return listAccesses(instruction).flatMap(({ reads }) => reads.map((name) => instanceName(instruction.chunk, name)));
}

/** Names of what is there after a wait: what the exchange wrote, and what the steps after it write. */
function listBrought(wait: Extract<Instruction, { kind: 'wait' }>): string[] {
  const asked: Instruction = { ...wait, kind: 'segment' };
  return [asked, wait]
    .flatMap((instruction) => listAccesses(instruction).flatMap(({ writes }) => writes))
    .map((name) => instanceName(wait.chunk, name));
}

/** Puts a `reduce` after the last instruction that adds to the gradients of each stage. */
export function placeReductions(instructions: readonly Instruction[]): Instruction[] {
  const last = new Map<number, number>();
  for (const [index, instruction] of instructions.entries()) {
    if (instruction.kind === 'segment' && instruction.segment.phase !== 'forward')
      last.set(instruction.chunk.stage, index);
  }
  return instructions.flatMap((instruction, index) => {
    if (last.get(instruction.chunk.stage) !== index) return [instruction];
    return [instruction, { kind: 'reduce' as const, action: instruction.action, chunk: instruction.chunk }];
  });
}
