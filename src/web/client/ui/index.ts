export { AddressNotice } from './address-notice.js';
export { Busy, type BusyProps } from './busy.js';
export { ChartDetails } from './chart-details.js';
export { ControlsColumn } from './controls-column.js';
export { CurveChart, type CurveChartAxis, type CurveStyle, curveColour } from './curve-chart.js';
export { DataTable } from './data-table.js';
export { downloadText } from './download.js';
export { type DroppedFile, DropZone } from './drop-zone.js';
export {
  CheckField,
  NumberField,
  SelectField,
  TextField,
} from './fields.js';
export { type Figure, Figures } from './figures.js';
export { Notice } from './notice.js';
export { Panel } from './panel.js';
export { ProblemNotice } from './problem-notice.js';
export { correctAddress, setParameters, useRoute } from './route-store.js';
export { StackedBar } from './stacked-bar.js';
export { chooseTheme, useTheme } from './theme.js';
export { timeColours } from './time-colours.js';
export { useWidth } from './use-width.js';
