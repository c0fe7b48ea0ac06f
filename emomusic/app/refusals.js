/** Says why a proxy or the server refused an upload. Streamlit only shows the number of the status. */
const MESSAGES = '[data-testid="stFileUploader"] *';
const STATUS = /status code (\d{3})/;

const sentence = (status, limit) => {
  if (status === 413)
    return `The server takes no file of this size now. The app takes ${limit}; the server's owner can raise a proxy's limit.`;
  if (status === 403) return "The server refused this upload. Open the page again; else its owner has to allow uploads.";
  if (status === 408) return "The file did not arrive in time. Try again with a better connection.";
  if (status === 507) return "The server cannot write this file. Its owner has to make room for temporary files.";
  if (status >= 500) return "The server does not answer. Try again in a minute; else tell its owner.";
  return null;
};

export default function ({ data }) {
  const explain = () => {
    for (const shown of document.querySelectorAll(MESSAGES)) {
      const found = shown.childElementCount ? null : STATUS.exec(shown.textContent);
      const text = found && sentence(Number(found[1]), data.limit);
      if (text) shown.textContent = text;
    }
  };
  const watch = new MutationObserver(explain);
  watch.observe(document.body, { childList: true, subtree: true });
  explain();
  return () => watch.disconnect();
}
