/** The manifest that the build writes beside each graph, and what the modules hand to each other. */

export type Scale = "linear" | "log";
export type Kind = "theory" | "limit" | "experiment" | "mark" | "area";
export type Numbers = ArrayLike<number>;
/** The setting of every control, by name. */
export type Values = Record<string, number>;
/** What the graph gave, by name; a scalar is an array of one number. */
export type Outputs = Record<string, Float64Array>;

export interface RangeControl {
  kind: "range";
  name: string;
  label: string;
  unit: string;
  scale: Scale;
  low: number;
  high: number;
  default: number;
  step: number | null;
  mark: { output: string; label: string } | null;
}

export interface StopsControl {
  kind: "stops";
  name: string;
  label: string;
  unit: string;
  values: (number | string)[];
  texts: string[];
  default: number | string;
}

export interface ChoiceControl {
  kind: "choice";
  name: string;
  label: string;
  values: (number | string)[];
  texts: string[];
  default: number | string;
}

export type Control = RangeControl | StopsControl | ChoiceControl;

export interface Axis {
  label: string;
  unit: string;
  scales: Scale[];
  limits: [number, number] | null;
}

export interface Panel {
  title: string;
  x: Axis;
  y: Axis;
  curves: { x: string; y: string; base: string | null; label: string | null; kind: Kind; colour: number }[];
  markers: { label: string; colour: number; x: number[]; y: number[] }[];
  field: Field | null;
}

/** A map: outputs of n columns, m rows, and m times n numbers, row by row. */
export interface Field {
  x: string;
  y: string;
  z: string;
  label: string;
  scale: Scale;
  limits: [number, number];
  colours: string[];
  missing: { output: string; label: string } | null;
}

export interface Manifest {
  id: string;
  graph: string;
  precision: "float64" | "float32";
  inputs: (string | null)[];
  outputs: { name: string; graph: string }[];
  controls: Control[];
  play: string | null;
  panels: Panel[];
  readouts: { output: string; label: string; unit: string; digits: number }[];
  notices: { output: string; text: string }[];
  note: string | null;
}

/** The scale of each axis that a reader can change: `y1` is the vertical axis of the first panel. */
export type Scales = Record<string, Scale>;

export interface Points {
  x: Numbers;
  y: Numbers;
  /** On what an area stands; null for the bottom of the panel. */
  base: Numbers | null;
}

/** One thing that a panel draws, whether the graph gives it or the notebook measured it. */
export interface Trace {
  label: string | null;
  kind: Kind;
  colour: number;
  read(outputs: Outputs): Points;
}

/** What a stage offers to scripts, the tests among them. */
export interface Explorable {
  outputs: Outputs;
  values: Values;
  times: number[];
  set(changes: Values): Promise<void>;
}

export interface Stage extends HTMLElement {
  explorable?: Explorable;
}
