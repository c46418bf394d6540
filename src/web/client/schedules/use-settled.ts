import { useEffect, useRef, useState } from 'preact/hooks';

const quietMilliseconds = 200;

/** A value as it is, or, while `isPatient`, as it was before it last changed, until it has not changed for a moment: for work that cannot follow a slider. */
export function useSettled<T>(value: T, isPatient: boolean): T {
  const settled = useRef(value);
  const [, setTurn] = useState(0);
  if (!isPatient) settled.current = value;
  useEffect(() => {
    if (settled.current === value) return;
    const timer = setTimeout(() => {
      settled.current = value;
      setTurn((turn) => turn + 1);
    }, quietMilliseconds);
    return () => clearTimeout(timer);
  }, [value]);
  return settled.current;
}
