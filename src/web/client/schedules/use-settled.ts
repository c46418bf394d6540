import { useEffect, useState } from 'preact/hooks';

const quietMilliseconds = 200;

/** A value as it is, or, while `isPatient`, as it was before it last changed, until it has not changed for a moment: for work that cannot follow a slider. */
export function useSettled<T>(value: T, isPatient: boolean): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), isPatient ? quietMilliseconds : 0);
    return () => clearTimeout(timer);
  }, [value, isPatient]);
  return isPatient ? settled : value;
}
