/** A button for the data of a chart as CSV, beside Plotly's buttons, which appear at the pointer. */
const ICON = '<path fill-rule="evenodd" d="M2 3h20v18H2zM4 8v5h5V8zM11 8v5h9V8zM4 15v4h5v-4zM11 15v4h9v-4z"/>';

/** A text of CSV; a spreadsheet would calculate a title that begins like a formula. */
function cell(value) {
  if (value === undefined || value === null) return "";
  const text = String(value).replaceAll(/<br>/g, " ").replaceAll(/<[^>]*>/g, "");
  const safe = /^[=+@\t\r-]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The values as the axis names them, else with six digits. */
function written(values, axis) {
  const names = new Map(Array.from(axis?.tickvals ?? [], (place, number) => [place, axis.ticktext?.[number]]));
  if (values.length && values.every((value) => names.get(value))) return values.map((value) => names.get(value));
  return values.map((value) => (typeof value === "number" ? Number(value.toPrecision(6)) : value));
}

/** The points of a trace as rows: its name, the place on both axes, the value of a cell, the text and further data. */
function rowsOf(trace, { xaxis, yaxis }) {
  const [x, y] = [written(Array.from(trace.x ?? []), xaxis), written(Array.from(trace.y ?? []), yaxis)];
  if (trace.z) return Array.from(trace.z).flatMap((row, i) => Array.from(row, (value, j) => [trace.name, x[j], y[i], value]));
  const texts = [trace.hovertext, trace.text].find(Array.isArray) ?? [];
  const row = (_, i) => [trace.name, x[i], y[i], "", texts[i], ...[trace.customdata?.[i] ?? []].flat()];
  return Array.from({ length: Math.max(x.length, y.length) }, row);
}

/** The data of a chart; lines that only guide the eye say nothing at the pointer, and are left out. */
function tableOf({ _fullData: traces, _fullLayout: layout }) {
  const spoken = traces.filter((trace) => trace.hoverinfo !== "skip");
  const title = (name) => layout[`${name}axis`]?.title?.text || name;
  const rows = (spoken.length ? spoken : traces).flatMap((trace) => rowsOf(trace, layout));
  const names = ["series", title("x"), title("y"), "value", "text"], width = Math.max(...rows.map((row) => row.length));
  const head = Array.from({ length: width }, (_, column) => names[column] ?? "detail");
  return [head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n");
}

function save(plot) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", tableOf(plot)], { type: "text/csv" })); // Excel needs the mark
  link.download = `${plot._context.toImageButtonOptions.filename}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Add the button to a chart that the pointer or the keyboard reaches. Plotly draws its own ones again at times. */
function offerTable({ target }) {
  const plot = target.closest?.(".js-plotly-plot"), image = plot?.querySelector('.modebar-btn[data-title*="PNG"]');
  if (!image || image.parentElement.querySelector("[data-title^=CSV]")) return;
  const button = image.cloneNode();
  button.dataset.title = button.ariaLabel = "CSV of the data";
  button.innerHTML = `<svg viewBox="0 0 24 24" class="icon" height="1em" width="1em">${ICON}</svg>`;
  button.querySelector("path").style.cssText = image.querySelector("path").style.cssText;
  button.onclick = () => save(plot);
  image.after(button);
}

export function offerTables() {
  for (const name of ["pointerover", "focusin"]) document.addEventListener(name, offerTable);
}
