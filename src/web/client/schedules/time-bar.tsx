import { formatShare, type SchedulePicture, shareTime } from '../../view/index.js';

/** Where the time of all ranks goes, as a bar and in figures; `length` is the bar's, from 0 to 1, so that bars of several schedules have one scale. */
export function TimeBar({ picture, length }: { readonly picture: SchedulePicture; readonly length: number }) {
  const shares = shareTime(picture);
  return (
    <div class="time-bar">
      <div class="time-bar-room" aria-hidden="true">
        <div class="time-bar-whole" style={{ width: `${100 * length}%` }}>
          {shares.map(({ cause, share }) => (
            <span key={cause} class={`time-${cause}`} style={{ width: `${100 * share}%` }} />
          ))}
        </div>
      </div>
      <ul class="legend" aria-label={`Time of the ranks under ${picture.name}`}>
        {shares.map(({ cause, words, share }) => (
          <li key={cause}>
            <span class={`swatch time-${cause}`} />
            {`${words} ${formatShare(share)}`}
          </li>
        ))}
      </ul>
    </div>
  );
}
