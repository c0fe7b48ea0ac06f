const LOOK_MS = 40;

/** Keep a mark over a place of a chart, which may be drawn anew; hide it without a place. Returns what ends this. */
function keepOver(mark, chart, placeOf, onClick) {
  let plot = null;
  const look = () => {
    const found = document.querySelector(chart);
    if (found !== plot && found?.on) {
      plot = found;
      plot.on("plotly_click", onClick);
    }
    const { xaxis, yaxis } = plot?._fullLayout ?? {};
    const place = xaxis ? placeOf() : null;
    mark.hidden = !place;
    if (!place) return;
    const [here, there] = [mark.offsetParent, plot].map((part) => part.getBoundingClientRect());
    mark.style.left = `${there.left - here.left + xaxis._offset + xaxis.l2p(place[0])}px`;
    mark.style.top = `${there.top - here.top + yaxis._offset + yaxis.l2p(place[1])}px`;
  };
  mark.emomusicEnd?.(); // Streamlit ends some calls late, and others that are still shown
  const timer = setInterval(look, LOOK_MS);
  const end = (mark.emomusicEnd = () => {
    clearInterval(timer);
    plot?.removeListener?.("plotly_click", onClick);
  });
  look();
  return () => setTimeout(() => mark.isConnected || end(), 100);
}
