export { Busy, type BusyProps } from './busy.js';
export { CurveChart, type CurveChartProps, type CurveStyle, curveColour } from './curve-chart.js';
export { DataTable, type DataTableProps } from './data-table.js';
export { downloadText } from './download.js';
export { type DroppedFile, DropZone, type DropZoneProps } from './drop-zone.js';
export {
  CheckField,
  NumberField,
  type NumberFieldProps,
  SelectField,
  type SelectFieldProps,
  TextField,
} from './fields.js';
export { type Figure, Figures } from './figures.js';
export { Notice, type NoticeProps } from './notice.js';
export { Panel, type PanelProps } from './panel.js';
export { ProblemNotice } from './problem-notice.js';
export { goTo, setParameters, useRoute } from './route-store.js';
export { type BarPart, StackedBar, type StackedBarProps } from './stacked-bar.js';
export { chooseTheme, type ThemeChoice, useTheme } from './theme.js';
export { useWidth } from './use-width.js';
