import type { WrongParameter } from '../../view/index.js';
import { Notice, setParameters } from '../ui/index.js';

/** Says what of the address means nothing here, and takes it out when asked to. */
export function WrongParameters({ wrong }: { readonly wrong: readonly WrongParameter[] }) {
  if (wrong.length === 0) return null;
  return (
    <Notice tone="warning" title="This link cannot be shown as it is">
      <ul class="notice-list">
        {wrong.map(({ name, words }) => (
          <li key={name}>{words}</li>
        ))}
      </ul>
      <div class="actions">
        <button type="button" onClick={() => setParameters(Object.fromEntries(wrong.map(({ name }) => [name, ''])))}>
          Take it out of the address
        </button>
      </div>
    </Notice>
  );
}
