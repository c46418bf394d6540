import { formatPercent } from '../../../base/index.js';
import { kindStyles } from '../../../draw/index.js';
import { type SchedulePicture, shareTime } from '../../view/index.js';
import { StackedBar } from '../ui/index.js';

const colours: Readonly<Record<ReturnType<typeof shareTime>[number]['cause'], string>> = {
  busy: 'var(--time-busy)',
  warmUp: 'var(--time-warm-up)',
  waiting: 'var(--time-waiting)',
  exposedCommunication: kindStyles.exposed.fill,
  coolDown: 'var(--time-cool-down)',
};

/** Where the time of all ranks goes, as a bar and in figures; `length` is the bar's, from 0 to 1, so that bars of several schedules have one scale. */
export function TimeBar({ picture, length }: { readonly picture: SchedulePicture; readonly length: number }) {
  const shares = shareTime(picture);
  const label = `Time of all ranks under ${picture.name}`;
  return (
    <div class="time-bar">
      <StackedBar
        label={label}
        parts={shares.map(({ cause, words, share }) => ({ name: words, value: share, colour: colours[cause] }))}
        total={length > 0 ? 1 / length : 1}
        describe={formatPercent}
      />
      <ul class="legend" aria-label={label}>
        {shares.map(({ cause, words, share }) => (
          <li key={cause}>
            <span class="swatch" style={{ background: colours[cause] }} />
            {`${words} ${formatPercent(share)}`}
          </li>
        ))}
      </ul>
    </div>
  );
}
