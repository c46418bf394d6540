import type { Refusal } from '../../view/index.js';
import { Notice } from './notice.js';
import { setParameters } from './route-store.js';

const mostLetters = 40;

/** Parameters of the address that mean nothing, and what is shown in their place; nothing where all is well. */
export function AddressNotice({ refusals }: { readonly refusals: readonly Refusal[] }) {
  if (refusals.length === 0) return null;
  return (
    <Notice tone="warning" title="Part of the address means nothing here">
      <ul class="notes">
        {refusals.map(({ name, value, words }) => (
          <li key={name}>
            <code>{`${name}=${value.length > mostLetters ? `${value.slice(0, mostLetters)}…` : value}`}</code>
            {` ${words}`}
          </li>
        ))}
      </ul>
      <div class="actions">
        <button type="button" onClick={() => setParameters(Object.fromEntries(refusals.map(({ name }) => [name, ''])))}>
          Leave that out of the address
        </button>
      </div>
    </Notice>
  );
}
