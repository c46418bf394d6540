/** Under a chart: what was chosen in it, which is read out, or a hint how to choose, which is not: a live run would else speak without end. */
export function ChartDetails({ hint, children }: { readonly hint: string; readonly children: string | undefined }) {
  return (
    <p class="chart-details" data-part="details">
      <span role="status">{children}</span>
      {children === undefined ? hint : null}
    </p>
  );
}
