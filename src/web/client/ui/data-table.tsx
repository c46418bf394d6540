import type { ComponentChildren } from 'preact';

export interface DataTableProps {
  /** What the table is of; read out, not shown. */
  readonly caption: string;
  readonly columns: readonly { readonly name: string; readonly isNumber?: boolean }[];
  /** `[rows][columns]`; the first column names the row. */
  readonly rows: readonly { readonly key: string; readonly cells: readonly ComponentChildren[] }[];
}

/** A table that scrolls sideways where the window is narrow. */
export function DataTable({ caption, columns, rows }: DataTableProps) {
  const classOf = (index: number) => (columns[index]?.isNumber === true ? 'number' : '');
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
    <section class="table-scroll" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ name }, index) => (
              <th key={name} scope="col" class={classOf(index)}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells }) => (
            <tr key={key}>
              {cells.map((cell, index) => {
                const name = columns[index]?.name ?? index;
                return index === 0 ? (
                  <th key={name} scope="row">
                    {cell}
                  </th>
                ) : (
                  <td key={name} class={classOf(index)}>
                    {cell}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
