import type { Dim, ElementType, Shape } from './op.js';

/** What is known of a tensor before it has numbers. */
export interface TensorType {
  readonly shape: Shape;
  readonly type: ElementType;
}

/** A value of a graph that is being built: plain data, valid for the builder that gave it. */
export interface Tensor extends TensorType {
  readonly id: number;
}

/** `float32[rows, 64]`. */
export function describeTensorType({ shape, type }: TensorType): string {
  return `${type}[${shape.join(', ')}]`;
}

export function isSameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** Whether `shape` has only counts (0 or more) and names. */
export function isShape(shape: Shape): boolean {
  return shape.every((dim) => (typeof dim === 'string' ? dim !== '' : Number.isSafeInteger(dim) && dim >= 0));
}

/** NumPy's rule, aligned on the right; a named dim goes with itself or with 1. Undefined if the shapes do not go together. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    shape.push(left === 1 ? right : left);
  }
  return shape;
}

/** Whether both shapes have as many elements, whatever the named dims turn out to be. */
export function isSameSize(a: Shape, b: Shape): boolean {
  const names = (shape: Shape) => shape.filter((dim) => typeof dim === 'string').sort();
  const count = (shape: Shape) =>
    shape.reduce<number>((total, dim) => (typeof dim === 'string' ? total : total * dim), 1);
  return count(a) === count(b) && isSameShape(names(a), names(b));
}
