const CLOSE = '[data-testid="stSidebar"][data-collapsed="false"] [data-testid="stSidebarCollapseButton"] button';
export default function ({ data }) {
  if (window.emomusicVisit === data.visit) return;
  window.emomusicVisit = data.visit;
  if (data.query !== null) history.replaceState(history.state, "", location.pathname + data.query);
  if (data.visit > 1) document.querySelector(CLOSE)?.click();
}
