import { InputError } from '../base/index.js';

/** Reads a flag's number; from `Number.MIN_VALUE` means above 0. Throws `InputError` unless it lies within the bounds (and is whole, where asked). */
export function parseNumber(
  flag: string,
  bounds: { readonly from: number; readonly to: number; readonly whole?: boolean },
): (text: string) => number {
  const { from, to, whole = false } = bounds;
  const above = from === Number.MIN_VALUE;
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value >= from && value <= to && (!whole || Number.isInteger(value))) return value;
    throw new InputError({
      what: `'${text}' is no ${whole ? 'whole number' : 'number'} ${above ? 'above 0, up' : `from ${from}`} to ${to}`,
      where: flag,
      mend: value > to ? `use ${to} or less` : above ? 'use a number above 0' : `use ${from} or more`,
    });
  };
}
