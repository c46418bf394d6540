import { InputError } from '../base/index.js';

/** Reads a flag's number. Throws `InputError` unless it lies within the bounds (and is whole, where asked). */
export function parseNumber(
  flag: string,
  bounds: { readonly from: number; readonly to: number; readonly whole?: boolean },
): (text: string) => number {
  const { from, to, whole = false } = bounds;
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value >= from && value <= to && (!whole || Number.isInteger(value))) return value;
    throw new InputError({
      what: `'${text}' is no ${whole ? 'whole number' : 'number'} from ${from} to ${to}`,
      where: flag,
      mend: `use ${from} or more`,
    });
  };
}
