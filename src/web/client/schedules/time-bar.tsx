import { formatPercent } from '../../../base/index.js';
import { type SchedulePicture, shareTime } from '../../view/index.js';
import { StackedBar, timeColours } from '../ui/index.js';

/** Where the time of all ranks goes, as a bar and in figures; `length` is the bar's, from 0 to 1, so that bars of several schedules have one scale. */
export function TimeBar({ picture, length }: { readonly picture: SchedulePicture; readonly length: number }) {
  const shares = shareTime(picture);
  const label = `Time of all ranks under ${picture.name}`;
  return (
    <div class="time-bar">
      <StackedBar
        label={label}
        parts={shares.map(({ cause, words, share }) => ({ name: words, value: share, colour: timeColours[cause] }))}
        total={length > 0 ? 1 / length : 1}
        describe={formatPercent}
      />
      <ul class="legend" aria-label={label}>
        {shares.map(({ cause, words, share }) => (
          <li key={cause}>
            <span class="swatch" style={{ background: timeColours[cause] }} />
            {`${words} ${formatPercent(share)}`}
          </li>
        ))}
      </ul>
    </div>
  );
}
