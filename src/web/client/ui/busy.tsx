export interface BusyProps {
  /** What is being done: `Placing layer`. */
  readonly what: string;
  readonly done?: number;
  readonly of?: number;
}

/** Something takes time; with how far it is, where that is known. */
export function Busy({ what, done, of }: BusyProps) {
  const isKnown = done !== undefined && of !== undefined && of > 0;
  return (
    <div class="busy" role="status">
      <span>
        {what}
        {/* Read out when somebody goes there, not with each step. */}
        <span aria-live="off">{isKnown ? `: ${done} of ${of}` : ' …'}</span>
      </span>
      {isKnown ? <progress value={done} max={of} aria-label={what} /> : <progress aria-label={what} />}
    </div>
  );
}
