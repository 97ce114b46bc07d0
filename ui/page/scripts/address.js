// Keeps what is chosen in the page's address, so that a reload or a copied link returns to it. `ui/page/address.py` calls it.
// Until a key has been read from the address nothing is written to it: a page that comes up would overwrite what was asked.
window.ragftAddress = (() => {
  const start = new URLSearchParams(location.search);
  const read = new Set();
  const waiting = new Map();
  const written = new Map();
  const set = (key, value) => {
    const address = new URL(location.href);
    const text = Array.isArray(value) ? value.join(",") : String(value ?? "");
    if (text) address.searchParams.set(key, text);
    else address.searchParams.delete(key);
    if (address.href !== location.href) history.replaceState(history.state, "", address);
  };
  // Browsers refuse more than some writes a second, and a person types faster. What is chosen once is written at once: a
  // reload may follow.
  const write = (key, value) => {
    if (!read.has(key)) return;
    clearTimeout(waiting.get(key));
    const rest = 250 - (Date.now() - (written.get(key) ?? 0));
    const now = () => {
      written.set(key, Date.now());
      set(key, value);
    };
    if (rest > 0) waiting.set(key, setTimeout(now, rest));
    else now();
  };
  const begin = (key, value) => {
    read.add(key);
    if (value !== undefined) write(key, value);
  };
  // What the address said of some keys when the page was opened; another task has nothing to do with it.
  const recall = (task, keys) => {
    if (!start.get("task")) start.set("task", task ?? "");
    if (start.get("task") !== task) return "{}";
    return JSON.stringify(Object.fromEntries(keys.filter((key) => start.get(key)).map((key) => [key, start.get(key)])));
  };
  return { begin, recall, write };
})();
